package ratelimit

import (
	"container/list"
	"sync"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
)

// local is GCRA in memory for a bounded number of keys. When it is full, the
// key that was asked for longest ago is forgotten.
type local struct {
	mu     sync.Mutex
	most   int
	byKey  map[string]*list.Element
	recent *list.List // of *arrival, the latest asked for in front
}

// arrival is a key's theoretical arrival time: when, at the allowed rate, the
// requests seen so far would have been used up.
type arrival struct {
	key string
	at  time.Time
}

func newLocal(most int) *local {
	return &local{most: most, byKey: make(map[string]*list.Element), recent: list.New()}
}

// allow decides as redis_rate does: with interval = 1 min / limit, a request
// conforms if max(TAT, now) + interval - now <= limit * interval.
// https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
func (l *local) allow(key string, perMinute int, now time.Time) chatconnect.RateDecision {
	interval := max(time.Minute/time.Duration(perMinute), 1)
	burst := interval * time.Duration(perMinute)

	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.arrival(key)
	if a.at.Before(now) {
		a.at = now
	}
	decision := chatconnect.RateDecision{Limit: perMinute}
	if next := a.at.Add(interval); next.Sub(now) <= burst {
		a.at = next
		decision.Allowed = true
		decision.Remaining = int((burst - next.Sub(now)) / interval)
	} else {
		decision.RetryAfter = next.Sub(now) - burst
	}
	decision.ResetAfter = a.at.Sub(now)
	return decision
}

func (l *local) arrival(key string) *arrival {
	if e, ok := l.byKey[key]; ok {
		l.recent.MoveToFront(e)
		return e.Value.(*arrival)
	}
	if l.recent.Len() >= l.most {
		oldest := l.recent.Back()
		delete(l.byKey, l.recent.Remove(oldest).(*arrival).key)
	}
	a := &arrival{key: key}
	l.byKey[key] = l.recent.PushFront(a)
	return a
}
