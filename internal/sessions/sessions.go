package sessions

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/redisconn"
)

// Options configures a Store. Redis and Secret are required.
type Options struct {
	Redis   redis.UniversalClient // made by redisconn.Open
	Secret  []byte                // at least 32 bytes; another secret ends all sessions
	Hub     *redisconn.Hub        // for Watch; required by nothing else
	Timeout time.Duration         // of a call, 1 s if 0

	// Sliding renews a session that is used in the second half of its
	// lifetime, until MaxAge after its creation (30 days if 0).
	Sliding bool
	MaxAge  time.Duration
}

// Store implements chatconnect.LoginSessions.
type Store struct {
	o   Options
	now func() time.Time
}

var _ chatconnect.LoginSessions = (*Store)(nil)

// MinSecretBytes is the shortest secret that New accepts: as long as the hash.
const MinSecretBytes = sha256.Size

const tokenBytes = 32

// session is what Redis holds under a token's hash.
type session struct {
	User     chatconnect.UserID `json:"user"`
	Created  int64              `json:"created"`  // Unix ms
	Lifetime int64              `json:"lifetime"` // ms
}

// New returns a store. It does not connect until it is used.
func New(options Options) (*Store, error) {
	if len(options.Secret) < MinSecretBytes {
		return nil, fmt.Errorf("sessions: the secret has %d bytes, it needs at least %d", len(options.Secret), MinSecretBytes)
	}
	s := &Store{o: options, now: time.Now}
	if s.o.Timeout <= 0 {
		s.o.Timeout = time.Second
	}
	if s.o.MaxAge <= 0 {
		s.o.MaxAge = 30 * 24 * time.Hour
	}
	return s, nil
}

var errUnavailable = chatconnect.Errorf(chatconnect.KindUnavailable, "sessions_unavailable",
	"Logging in is not possible for a moment. Please try again.")

// Create implements chatconnect.LoginSessions.
func (s *Store) Create(ctx context.Context, user chatconnect.UserID, lifetime time.Duration) (string, error) {
	if user == "" || lifetime < time.Millisecond {
		return "", chatconnect.AsError(fmt.Errorf("sessions: user %q, lifetime %v", user, lifetime))
	}
	random := make([]byte, tokenBytes)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	token := base64.RawURLEncoding.EncodeToString(random)
	value, err := json.Marshal(session{User: user, Created: s.now().UnixMilli(), Lifetime: lifetime.Milliseconds()})
	if err != nil {
		return "", chatconnect.AsError(err)
	}
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	if err := s.o.Redis.Set(call, s.key(token), value, lifetime).Err(); err != nil {
		return "", unavailable(ctx, err)
	}
	return token, nil
}

// User implements chatconnect.LoginSessions. If Redis does not answer the
// error is KindUnavailable (sessions_unavailable), here as in the others.
func (s *Store) User(ctx context.Context, token string) (chatconnect.UserID, error) {
	if !wellFormed(token) {
		return "", chatconnect.ErrUnauthenticated
	}
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	key := s.key(token)
	var value *redis.StringCmd
	var left *redis.DurationCmd
	_, err := s.o.Redis.Pipelined(call, func(p redis.Pipeliner) error {
		value = p.Get(call, key)
		left = p.PTTL(call, key)
		return nil
	})
	if errors.Is(value.Err(), redis.Nil) {
		return "", chatconnect.ErrUnauthenticated
	}
	if err != nil {
		return "", unavailable(ctx, err)
	}
	var found session
	if err := json.Unmarshal([]byte(value.Val()), &found); err != nil || found.User == "" {
		return "", chatconnect.ErrUnauthenticated.Because(fmt.Errorf("sessions: damaged entry: %w", err))
	}
	if s.o.Sliding {
		if renewed := s.renewed(found, left.Val()); renewed > 0 {
			// Not renewing now is no reason to refuse: the next use tries again.
			_ = s.o.Redis.PExpire(call, key, renewed).Err()
		}
	}
	return found.User, nil
}

// renewed returns the new lifetime of a session that has left to live, 0 for
// none.
func (s *Store) renewed(found session, left time.Duration) time.Duration {
	lifetime := time.Duration(found.Lifetime) * time.Millisecond
	if left > lifetime/2 {
		return 0
	}
	oldest := time.UnixMilli(found.Created).Add(s.o.MaxAge)
	renewed := min(lifetime, oldest.Sub(s.now())).Truncate(time.Millisecond)
	if renewed <= left {
		return 0
	}
	return renewed
}

// Delete implements chatconnect.LoginSessions, and tells those who watch. An
// unknown token is no error.
func (s *Store) Delete(ctx context.Context, token string) error {
	if !wellFormed(token) {
		return nil
	}
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	key := s.key(token)
	if _, err := s.o.Redis.TxPipelined(call, func(p redis.Pipeliner) error {
		p.Del(call, key)
		p.Publish(call, endChannel(key), "")
		return nil
	}); err != nil {
		return unavailable(ctx, err)
	}
	return nil
}

// wellFormed spares Redis what can't be a token.
func wellFormed(token string) bool {
	if len(token) != base64.RawURLEncoding.EncodedLen(tokenBytes) {
		return false
	}
	_, err := base64.RawURLEncoding.Strict().DecodeString(token)
	return err == nil
}

func (s *Store) key(token string) string {
	mac := hmac.New(sha256.New, s.o.Secret)
	mac.Write([]byte(token))
	return "login:" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func unavailable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errUnavailable.Because(err)
}
