package api

import (
	"container/list"
	"sync"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
)

const (
	// wrongKeysPerIP bounds how many unknown keys an address may have looked
	// up in a minute. Guessing 190 bits is hopeless; this protects the database.
	wrongKeysPerIP = 60
	// guessesSize is how many addresses and networks are remembered.
	guessesSize = 10_000
)

// guesses counts wrong keys by where they come from (GCRA), in the memory of
// this process: whoever floods it with wrong keys costs no other part anything.
// When it is full, whoever guessed longest ago is forgotten.
type guesses struct {
	now func() time.Time

	mu     sync.Mutex
	byKey  map[string]*list.Element
	recent *list.List // of *guesser, who guessed last in front
}

// guesser is one address or network.
type guesser struct {
	key string
	// at is when all that it guessed is forgiven, at the limit's rate; never
	// more than a minute ahead.
	at time.Time
}

func newGuesses() *guesses {
	return &guesses{now: time.Now, byKey: map[string]*list.Element{}, recent: list.New()}
}

// count counts a guess against all limits or, if one of them says no, against
// none, and then returns how long to wait.
func (g *guesses) count(limits []chatconnect.RateLimit) (wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	for _, limit := range limits {
		wait = max(wait, g.used(limit.Key, now)+interval(limit)-time.Minute)
	}
	if wait > 0 {
		return wait
	}
	for _, limit := range limits {
		g.set(limit.Key, now.Add(g.used(limit.Key, now)+interval(limit)))
	}
	return 0
}

// forgive takes a guess back that was none.
func (g *guesses) forgive(limits []chatconnect.RateLimit) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, limit := range limits {
		if element, found := g.byKey[limit.Key]; found {
			guesser := element.Value.(*guesser)
			guesser.at = guesser.at.Add(-interval(limit))
		}
	}
}

func interval(limit chatconnect.RateLimit) time.Duration {
	return time.Minute / time.Duration(limit.PerMinute)
}

// used is how much of a minute has been guessed away.
func (g *guesses) used(key string, now time.Time) time.Duration {
	element, found := g.byKey[key]
	if !found {
		return 0
	}
	g.recent.MoveToFront(element)
	return max(0, element.Value.(*guesser).at.Sub(now))
}

func (g *guesses) set(key string, at time.Time) {
	if element, found := g.byKey[key]; found {
		element.Value.(*guesser).at = at
		return
	}
	g.byKey[key] = g.recent.PushFront(&guesser{key: key, at: at})
	if g.recent.Len() > guessesSize {
		delete(g.byKey, g.recent.Remove(g.recent.Back()).(*guesser).key)
	}
}
