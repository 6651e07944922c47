package ratelimit

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	chatconnect "github.com/chatconnect/chatconnect"
)

// local is GCRA in memory for a bounded number of keys. When it is full, the
// key that was asked for longest ago is forgotten.
type local struct {
	mu sync.Mutex
	// arrivals are the keys' theoretical arrival times: when, at the allowed
	// rate, the requests seen so far would have been used up.
	arrivals *simplelru.LRU[string, time.Time]
}

// newLocal panics if most is less than one.
func newLocal(most int) *local {
	arrivals, err := simplelru.NewLRU[string, time.Time](most, nil)
	if err != nil {
		panic(err)
	}
	return &local{arrivals: arrivals}
}

// allow decides as allow.lua does: with interval = 1 min / limit, a request
// conforms to a limit if max(TAT, now) + interval - now <= limit * interval,
// and is counted if it conforms to all.
// https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
func (l *local) allow(limits []chatconnect.RateLimit, now time.Time) chatconnect.RateDecision {
	l.mu.Lock()
	defer l.mu.Unlock()
	decisions := make([]chatconnect.RateDecision, len(limits))
	allowed := true
	for i, limit := range limits {
		interval := max(time.Minute/time.Duration(limit.PerMinute), 1)
		burst := interval * time.Duration(limit.PerMinute)
		at, _ := l.arrivals.Get(limit.Key)
		used := max(at.Sub(now), 0)
		decisions[i] = chatconnect.RateDecision{
			Allowed: used+interval <= burst, Limit: limit.PerMinute,
			Remaining: int((burst - used) / interval), ResetAfter: used,
			RetryAfter: max(used+interval-burst, 0),
		}
		allowed = allowed && decisions[i].Allowed
	}
	if !allowed {
		return nearest(decisions)
	}
	for i, limit := range limits {
		d := &decisions[i]
		d.ResetAfter += max(time.Minute/time.Duration(limit.PerMinute), 1)
		d.Remaining--
		l.arrivals.Add(limit.Key, now.Add(d.ResetAfter))
	}
	return nearest(decisions)
}
