package api

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	chatconnect "github.com/chatconnect/chatconnect"
)

const (
	// wrongKeysPerIP bounds how many unknown keys an address may have looked
	// up in a minute. Guessing 190 bits is hopeless; this protects the database.
	wrongKeysPerIP = 60
	// guessesSize is how many addresses and networks are remembered.
	guessesSize = 10_000
)

// guesses counts wrong keys, or wrong secrets, by where they come from (GCRA), in the memory of
// this process: whoever floods it with wrong keys costs no other part anything.
// When it is full, whoever guessed longest ago is forgotten.
type guesses struct {
	now func() time.Time

	mu sync.Mutex
	// forgiven is when all that an address or a network guessed is forgiven, at
	// the limit's rate; never more than a minute ahead.
	forgiven *simplelru.LRU[string, time.Time]
}

func newGuesses() *guesses {
	return &guesses{now: time.Now, forgiven: newRecent[string, time.Time](guessesSize)}
}

// count counts a guess against all limits or, if one of them says no, against
// none, and then returns how long to wait.
func (g *guesses) count(limits []chatconnect.RateLimit) (wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	if wait := g.waiting(limits, now); wait > 0 {
		return wait
	}
	for _, limit := range limits {
		g.forgiven.Add(limit.Key, now.Add(g.used(limit.Key, now)+interval(limit)))
	}
	return 0
}

// wait returns how long to wait until another guess may be made.
func (g *guesses) wait(limits []chatconnect.RateLimit) (wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.waiting(limits, g.now())
}

func (g *guesses) waiting(limits []chatconnect.RateLimit, now time.Time) (wait time.Duration) {
	for _, limit := range limits {
		wait = max(wait, g.used(limit.Key, now)+interval(limit)-time.Minute)
	}
	return wait
}

// forgive takes a guess back that was none.
func (g *guesses) forgive(limits []chatconnect.RateLimit) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, limit := range limits {
		if at, found := g.forgiven.Get(limit.Key); found {
			g.forgiven.Add(limit.Key, at.Add(-interval(limit)))
		}
	}
}

func interval(limit chatconnect.RateLimit) time.Duration {
	return time.Minute / time.Duration(limit.PerMinute)
}

// used is how much of a minute has been guessed away.
func (g *guesses) used(key string, now time.Time) time.Duration {
	at, _ := g.forgiven.Get(key)
	return max(0, at.Sub(now))
}
