package connlimit

import (
	"net/netip"
	"sync"
)

// Counter bounds how many of something each address holds at once.
type Counter struct {
	perAddress int

	mu   sync.Mutex
	held map[netip.Prefix]int
}

// NewCounter returns a counter that lets an address hold so many.
func NewCounter(perAddress int) *Counter {
	return &Counter{perAddress: perAddress, held: map[netip.Prefix]int{}}
}

// Take counts one more for the address, unless it or the network around it
// holds the most it may. The caller calls release once.
func (c *Counter) Take(address netip.Addr) (release func(), taken bool) {
	groups := Groups(address)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, group := range groups {
		if c.held[group] >= c.most(group) {
			return nil, false
		}
	}
	for _, group := range groups {
		c.held[group]++
	}
	return func() { c.release(groups) }, true
}

// most is two and a half times as much for an IPv6 /48, in which other people
// may live.
func (c *Counter) most(group netip.Prefix) int {
	if group.Addr().Is6() && group.Bits() == networkBits {
		return c.perAddress * 5 / 2
	}
	return c.perAddress
}

func (c *Counter) release(groups []netip.Prefix) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, group := range groups {
		if c.held[group]--; c.held[group] == 0 {
			delete(c.held, group)
		}
	}
}
