package api

import (
	"context"
	"encoding/base64"
	"fmt"
	"runtime"
	"time"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/unicode/norm"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Limits of a password, code points after NFC.
const (
	minPassword = 8
	maxPassword = 200
)

// passwordParams are OWASP's second recommendation for Argon2id (Password
// Storage Cheat Sheet): 19 MiB, two passes, one lane.
var passwordParams = &argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// HashPassword returns an argon2id hash in PHC form, as UserStore keeps it.
func HashPassword(password string) (string, error) {
	return argon2id.CreateHash(norm.NFC.String(password), passwordParams)
}

func validPassword(password string) error {
	n := utf8.RuneCountInString(norm.NFC.String(password))
	if n < minPassword || n > maxPassword {
		return chatconnect.Errorf(chatconnect.KindInvalid, "password_invalid", "A password has %d to %d characters.", minPassword, maxPassword)
	}
	return nil
}

// hashWait is how long a login waits for its turn to hash.
const hashWait = 5 * time.Second

// decoy is compared with when there is no such account, so that the answer
// takes as long as for a wrong password: no salt and no key, but the same cost.
var decoy = fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s",
	passwordParams.Memory, passwordParams.Iterations, passwordParams.Parallelism,
	base64.RawStdEncoding.EncodeToString(make([]byte, passwordParams.SaltLength)),
	base64.RawStdEncoding.EncodeToString(make([]byte, passwordParams.KeyLength)))

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

func (p *passwordHasher) hash(ctx context.Context, password string) (string, error) {
	release, err := p.turn(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	return HashPassword(password)
}

// matches compares in constant time; an empty hash stands for no account and
// never matches.
func (p *passwordHasher) matches(ctx context.Context, password, hash string) (bool, error) {
	release, err := p.turn(ctx)
	if err != nil {
		return false, err
	}
	defer release()
	known := hash != ""
	if !known {
		hash = decoy
	}
	match, err := argon2id.ComparePasswordAndHash(norm.NFC.String(password), hash)
	if err != nil {
		return false, fmt.Errorf("compare password: %w", err)
	}
	return match && known, nil
}
