package fakemodel

import "time"

// cacheLifetime is how long the providers keep a prefix after its last use.
const cacheLifetime = 5 * time.Minute

// maxCached bounds what the fake remembers.
const maxCached = 256

// promptCache remembers prompts as the providers do.
type promptCache struct {
	marked  map[string]time.Time // Anthropic: prefixes up to a cache_control mark
	prompts []string             // OpenAI: whole prompts, newest last
}

// readMarked says whether the prefix has been seen within the lifetime, and
// remembers it.
func (c *promptCache) readMarked(prefix string, now time.Time) bool {
	if c.marked == nil || len(c.marked) > maxCached {
		c.marked = map[string]time.Time{}
	}
	seen, ok := c.marked[prefix]
	c.marked[prefix] = now
	return ok && now.Sub(seen) < cacheLifetime
}

// longestPrefix is the length in bytes of the longest beginning that prompt
// shares with an earlier one, and remembers it.
func (c *promptCache) longestPrefix(prompt string) int {
	longest := 0
	for _, earlier := range c.prompts {
		n := 0
		for n < len(prompt) && n < len(earlier) && prompt[n] == earlier[n] {
			n++
		}
		longest = max(longest, n)
	}
	if len(c.prompts) >= maxCached/8 {
		c.prompts = append(c.prompts[:0], c.prompts[1:]...)
	}
	c.prompts = append(c.prompts, prompt)
	return longest
}
