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
		used := max(l.arrival(limit.Key).at.Sub(now), 0)
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
		l.arrival(limit.Key).at = now.Add(d.ResetAfter)
	}
	return nearest(decisions)
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
