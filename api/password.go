package api

import (
	"context"
	"runtime"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/password"
)

// hashWait is how long a login waits for its turn to hash.
const hashWait = 5 * time.Second

// passwordHasher bounds how many hashes are computed at once: each takes
// 19 MiB and a core, and anybody can ask for one.
type passwordHasher struct{ slots chan struct{} }

func newPasswordHasher() *passwordHasher {
	return &passwordHasher{slots: make(chan struct{}, max(2, runtime.GOMAXPROCS(0)))}
}

func (p *passwordHasher) turn(ctx context.Context) (release func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, hashWait)
	defer cancel()
	select {
	case p.slots <- struct{}{}:
		return func() { <-p.slots }, nil
	case <-ctx.Done():
		return nil, (&chatconnect.Error{
			Kind: chatconnect.KindUnavailable, Code: "busy", RetryAfter: retryAfterOutage,
			Message: "Too many people are logging in at this moment. Please try again.",
		}).Because(ctx.Err())
	}
}

func (p *passwordHasher) hash(ctx context.Context, plain string) (string, error) {
	release, err := p.turn(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	return password.Hash(plain)
}

// matches compares in constant time; an empty hash stands for no account and
// never matches.
func (p *passwordHasher) matches(ctx context.Context, plain, hash string) (bool, error) {
	release, err := p.turn(ctx)
	if err != nil {
		return false, err
	}
	defer release()
	return password.Matches(plain, hash)
}
