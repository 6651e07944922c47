package llm

import (
	"context"
	"sync"
)

// call is what the Doer and the adapter share about one call of langchaingo.
// It travels in the request's context, because langchaingo replaces some
// errors by plain strings and drops others.
type call struct {
	systemStatic string // the part of Anthropic's system text to be cached
	// withoutTemperature has the request name none, which langchaingo can't.
	withoutTemperature bool

	mu              sync.Mutex
	err             error  // the first failure the Doer saw
	stopReason      string // as the provider wrote it
	embeddingTokens int
}

type callKey struct{}

func withCall(ctx context.Context, c *call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// callFrom never returns nil, so that a Doer also works on its own.
func callFrom(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{}
}

// fail keeps the first error and returns err.
func (c *call) fail(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
	return err
}

func (c *call) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *call) setStopReason(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopReason = reason
}

func (c *call) stop() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopReason
}

func (c *call) addEmbeddingTokens(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.embeddingTokens += n
}

func (c *call) tokens() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.embeddingTokens
}
