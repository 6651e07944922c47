package api

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Memory that requests of POST /embed may take at once in this process. A
// request counts with its body, and with what its vectors take. One client gets
// no more than half, so that it can't shut the others out.
const (
	embedMemory     = 64 << 20
	embedShare      = embedMemory / 2
	embedVectors    = 2 << 20 // of a request, beside its body
	embedPlaceWait  = 2 * time.Second
	embedRetryAfter = 2 * time.Second
)

var (
	errEmbedBusy = &chatconnect.Error{
		Kind: chatconnect.KindUnavailable, Code: "embed_busy", RetryAfter: embedRetryAfter,
		Message: "Too many texts are being embedded at this moment. Please try again.",
	}
	errEmbedShare = &chatconnect.Error{
		Kind: chatconnect.KindRateLimited, Code: "too_many_embeds", RetryAfter: embedRetryAfter,
		Message: "Too many requests of this website are being embedded at once. Wait for one to end, or send smaller ones.",
	}
)

// embedPlaces bounds the memory of embeddings by client and in total.
type embedPlaces struct {
	all  *semaphore.Weighted
	wait time.Duration

	mu       sync.Mutex
	byClient map[chatconnect.ClientID]int64
}

func newEmbedPlaces() *embedPlaces {
	return &embedPlaces{all: semaphore.NewWeighted(embedMemory), wait: embedPlaceWait, byClient: map[chatconnect.ClientID]int64{}}
}

// take reserves memory for a body of so many bytes; a negative length is not
// known and counts as the longest. What is taken is given back by release. The
// client's share is decided at once, and counts requests that wait for the
// rest too.
func (p *embedPlaces) take(ctx context.Context, client chatconnect.ClientID, length int64) (release func(), err error) {
	if length < 0 || length > maxEmbedBody {
		length = maxEmbedBody
	}
	weight := length + embedVectors
	p.mu.Lock()
	if p.byClient[client]+weight > embedShare {
		p.mu.Unlock()
		return nil, errEmbedShare
	}
	p.byClient[client] += weight
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, p.wait)
	defer cancel()
	if err := p.all.Acquire(ctx, weight); err != nil {
		p.giveShare(client, weight)
		return nil, errEmbedBusy.Because(err)
	}
	return sync.OnceFunc(func() {
		p.all.Release(weight)
		p.giveShare(client, weight)
	}), nil
}

func (p *embedPlaces) giveShare(client chatconnect.ClientID, weight int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byClient[client] -= weight; p.byClient[client] == 0 {
		delete(p.byClient, client)
	}
}
