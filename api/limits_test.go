package api_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/api"
	"github.com/chatconnect/chatconnect/internal/ratelimit"
	"github.com/chatconnect/chatconnect/internal/redistest"
	"github.com/chatconnect/chatconnect/temporal"
)

// street is where the requests of a test come from: a server behind a proxy
// that it trusts, with the limiter of production.
type street struct {
	*bundle
	client  chatconnect.ClientID
	key     string
	began   time.Time
	lookups *atomic.Int64 // of keys, in the database
	caller  *http.Client  // holds every call to openapi.yaml
}

func newStreet(t *testing.T, changes ...func(*api.Options)) *street {
	t.Helper()
	s := &street{lookups: &atomic.Int64{}}
	s.bundle = setup(t, append([]func(*api.Options){func(o *api.Options) {
		// A generous timeout: here Redis is to decide, however busy the machine.
		o.Limiter = ratelimit.New(ratelimit.Options{Redis: redistest.Mini(t).Client(t), Timeout: 10 * time.Second})
		o.Clients = counted{o.Clients, s.lookups}
		o.TrustedProxies = []string{"127.0.0.1"}
	}}, changes...)...)
	_, s.client, s.key = s.tenant("shop@example.com")
	s.workflows.onStart = func(r *run, in temporal.ChatInput) { r.finish(result42(in)) }
	s.caller = s.browser().client
	s.began = time.Now()
	return s
}

// counted counts what the database is asked about keys.
type counted struct {
	chatconnect.ClientStore
	lookups *atomic.Int64
}

func (c counted) KeyOwner(ctx context.Context, hash []byte) (chatconnect.KeyOwner, error) {
	c.lookups.Add(1)
	return c.ClientStore.KeyOwner(ctx, hash)
}

// curl sends what a program may send, from an address as the proxy tells it.
func (s *street) curl(address, method, path, body string, headers ...string) (status int, header http.Header) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.http.URL+path, bytes.NewBufferString(body))
	require.NoError(s.t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", "https://shop.example")
	r.Header.Set("X-Api-Key", s.key)
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "X-Api-Key" {
			r.Header.Del(headers[i])
		}
		r.Header.Add(headers[i], headers[i+1])
	}
	r.Header.Add("X-Forwarded-For", address) // as a proxy appends it
	res, err := s.caller.Do(r)
	require.NoError(s.t, err)
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	require.NoError(s.t, err)
	return res.StatusCode, res.Header
}

// attack sends requests and returns how many were let through. Whatever was
// not, was refused with 429.
func (s *street) attack(requests int, send func(i int) (int, http.Header)) (passed int) {
	s.t.Helper()
	for i := range requests {
		switch status, header := send(i); {
		case status < 300:
			passed++
		default:
			require.Equal(s.t, http.StatusTooManyRequests, status)
			require.NotEmpty(s.t, header.Get("Retry-After"))
		}
	}
	return passed
}

// allowed is how many requests a limit lets through from the beginning until
// now: all at once, and what has been regained since.
func (s *street) allowed(perMinute int) int {
	return perMinute + int(time.Since(s.began).Minutes()*float64(perMinute)) + 1
}

const (
	perKey     = 100 // of the free tier
	perVisitor = perKey / 5
	perNetwork = perKey / 2
)

const anyQuestion = `{"message":"Hi"}` // begins a session: an attacker needs no other

// session is one that was begun before.
func (s *street) session(name string) (headers []string, body string) {
	return []string{"X-Session-Token", s.server.SessionToken(s.client, chatconnect.SessionID(name))},
		fmt.Sprintf(`{"message":"Hi","sessionId":%q}`, name)
}

// TestACopiedKey: whoever copies a key out of a page can't use it up for the
// others, however he changes what he can.
func TestACopiedKey(t *testing.T) {
	t.Parallel()
	for name, attack := range map[string]struct {
		most int
		send func(s *street, i int) (int, http.Header)
	}{
		"a new session for each question": {perVisitor, func(s *street, _ int) (int, http.Header) {
			return s.curl("203.0.113.7", "POST", "/chat", anyQuestion)
		}},
		"sessions begun beforehand": {perVisitor, func(s *street, i int) (int, http.Header) {
			headers, body := s.session(fmt.Sprint("s", i))
			return s.curl("203.0.113.7", "POST", "/chat/stream", body, headers...)
		}},
		"one session from everywhere": {perVisitor, func(s *street, i int) (int, http.Header) {
			headers, body := s.session("s1")
			return s.curl(fmt.Sprint("203.0.113.", i), "POST", "/chat", body, headers...)
		}},
		"addresses that the proxy did not write": {perVisitor, func(s *street, i int) (int, http.Header) {
			return s.curl("203.0.113.7", "POST", "/chat", anyQuestion,
				"X-Forwarded-For", fmt.Sprint("198.51.100.", i), "X-Real-Ip", fmt.Sprint("198.51.100.", i),
				"Forwarded", fmt.Sprint("for=198.51.100.", i), "True-Client-Ip", fmt.Sprint("198.51.100.", i))
		}},
		"another address within the /64": {perVisitor, func(s *street, i int) (int, http.Header) {
			return s.curl(fmt.Sprintf("2001:db8:1:2:%x::%x", i, i), "POST", "/chat", anyQuestion)
		}},
		"another /64 within the /48": {perNetwork, func(s *street, i int) (int, http.Header) {
			return s.curl(fmt.Sprintf("2001:db8:1:%x::1", i), "POST", "/chat", anyQuestion)
		}},
		"IPv4 written as IPv6": {perVisitor, func(s *street, i int) (int, http.Header) {
			return s.curl([]string{"::ffff:203.0.113.7", "203.0.113.7"}[i%2], "POST", "/chat", anyQuestion)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStreet(t)
			const attempts = 250 // two and a half times the key's whole allowance
			passed := s.attack(attempts, func(i int) (int, http.Header) { return attack.send(s, i) })
			require.GreaterOrEqual(t, passed, attack.most)
			require.LessOrEqual(t, passed, s.allowed(attack.most))

			// All that is left of the key is there for the others: what was
			// refused has cost it nothing.
			for i := range perKey - passed {
				status, header := s.curl(fmt.Sprint("192.0.2.", i), "POST", "/chat", anyQuestion)
				require.Equal(t, http.StatusOK, status, "visitor %d of %d: %s", i, perKey-passed, header)
			}
		})
	}
}

// TestAddressesWithoutAProxy: nobody is believed who is not trusted.
func TestAddressesWithoutAProxy(t *testing.T) {
	t.Parallel()
	for _, trusted := range [][]string{nil, {"10.0.0.0/8"}} {
		s := newStreet(t, func(o *api.Options) { o.TrustedProxies = trusted })
		passed := s.attack(3*perVisitor, func(i int) (int, http.Header) {
			return s.curl(fmt.Sprint("203.0.113.", i), "POST", "/chat", anyQuestion)
		})
		require.GreaterOrEqual(t, passed, perVisitor)
		require.LessOrEqual(t, passed, s.allowed(perVisitor))
		require.Equal(t, 1, strings.Count(s.log.String(), "TRUSTED_PROXIES"), "its operator is told, once")
	}
	s := newStreet(t)
	s.curl("203.0.113.1", "POST", "/chat", anyQuestion)
	require.NotContains(t, s.log.String(), "TRUSTED_PROXIES")
}

// TestSessionsAreLimitedByThemselves: beginning them takes nothing from what
// may be asked, nor asking from them, and one visitor nothing from another.
func TestSessionsAreLimitedByThemselves(t *testing.T) {
	t.Parallel()
	s := newStreet(t)
	begin := func(address string) (int, http.Header) { return s.curl(address, "POST", "/chat/sessions", "") }
	var begun []int // by each
	for _, attack := range []struct {
		most int
		from func(i int) string
	}{
		{perVisitor, func(int) string { return "203.0.113.7" }},
		{perVisitor, func(i int) string { return fmt.Sprintf("2001:db8:7:7::%x", i) }},
		{perNetwork, func(i int) string { return fmt.Sprintf("2001:db8:8:%x::1", i) }},
	} {
		passed := s.attack(4*attack.most, func(i int) (int, http.Header) { return begin(attack.from(i)) })
		require.GreaterOrEqual(t, passed, attack.most)
		require.LessOrEqual(t, passed, s.allowed(attack.most))
		begun = append(begun, passed)
	}
	status, header := begin("203.0.113.8")
	require.Equal(t, http.StatusCreated, status)
	require.Equal(t, fmt.Sprint(perVisitor), header.Get("RateLimit-Limit"))
	require.Equal(t, fmt.Sprint(perVisitor-1), header.Get("RateLimit-Remaining"))

	headers, body := s.session("mine")
	status, _ = s.curl("203.0.113.7", "POST", "/chat", body, headers...)
	require.Equal(t, http.StatusOK, status, "he may still ask, in a session that he has")
	// But begin none by asking, save for what he has regained since.
	asked := s.attack(2*perVisitor, func(int) (int, http.Header) { return s.curl("203.0.113.7", "POST", "/chat", anyQuestion) })
	require.LessOrEqual(t, begun[0]+asked, s.allowed(perVisitor))
}

// TestServersSpeakForMany: behind a secret key are many visitors at one
// address. Each has his own session's limit.
func TestServersSpeakForMany(t *testing.T) {
	t.Parallel()
	s := newStreet(t)
	owner := s.browser()
	require.Equal(t, 200, owner.post("/api/auth/login", object{"email": "shop@example.com", "password": "correct horse"}).StatusCode)
	secret := owner.secretKey(s.client)
	ask := func(session string) (int, http.Header) {
		r := s.browser().with("X-Api-Key", secret).post("/chat", object{"message": "Hi", "sessionId": session})
		return r.StatusCode, r.Header
	}
	passed := s.attack(2*perVisitor, func(int) (int, http.Header) { return ask("one") })
	require.GreaterOrEqual(t, passed, perVisitor)
	require.LessOrEqual(t, passed, s.allowed(perVisitor))
	for i := range perKey - passed {
		status, _ := ask(fmt.Sprint("visitor", i))
		require.Equal(t, http.StatusOK, status, "visitor %d", i)
	}
}

// guess is a key of the right form that nobody has.
func guess() string {
	return "pk_live_" + (rand.Text() + rand.Text())[:32]
}

// TestGuessedKeys: who guesses is soon not listened to, and the database hears
// of few guesses. Known keys work on, from his address too.
func TestGuessedKeys(t *testing.T) {
	t.Parallel()
	const perMinute, network = 60, 150
	for name, attack := range map[string]struct {
		most int
		from func(i int) string
	}{
		"one address": {perMinute, func(int) string { return "203.0.113.7" }},
		"one /64":     {perMinute, func(i int) string { return fmt.Sprintf("2001:db8:1:2::%x", i) }},
		"one /48":     {network, func(i int) string { return fmt.Sprintf("2001:db8:1:%x::1", i) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStreet(t)
			try := func(address, key string) (int, http.Header) {
				s.key = key
				return s.curl(address, "GET", "/api/widget/health", "")
			}
			key := s.key
			status, _ := try("192.0.2.1", key)
			require.Equal(t, http.StatusOK, status)
			s.lookups.Store(0)
			wrong := 0
			for i := range 4 * attack.most {
				status, header := try(attack.from(i), guess())
				switch status {
				case http.StatusUnauthorized:
					wrong++
				case http.StatusTooManyRequests:
					require.NotEmpty(t, header.Get("Retry-After"))
					require.Equal(t, "https://shop.example", header.Get("Access-Control-Allow-Origin"))
				default:
					require.Fail(t, "neither wrong nor refused", "%d", status)
				}
			}
			require.GreaterOrEqual(t, wrong, attack.most)
			require.LessOrEqual(t, wrong, s.allowed(attack.most))
			require.EqualValues(t, wrong, s.lookups.Load(), "a refused guess is not looked up")

			for _, nonsense := range []string{"pk_live_", "pk_live_short", "sk_live_" + strings.Repeat("-", 32), strings.Repeat("x", 40), ""} {
				status, _ := try("192.0.2.99", nonsense)
				require.Equal(t, http.StatusUnauthorized, status)
			}
			require.EqualValues(t, wrong, s.lookups.Load(), "nor is what can't be a key")

			status, _ = try("192.0.2.2", guess())
			require.Equal(t, http.StatusUnauthorized, status, "others may mistake theirs")
			status, _ = try(attack.from(0), key)
			require.Equal(t, http.StatusOK, status, "a known key is taken from the guesser's address too")
		})
	}
}

// TestMoreKeysBringNoMoreQuestions, nor do more clients: those of an account
// are held together. Every question names a session of its own, so that no
// other limit is reached.
func TestMoreKeysBringNoMoreQuestions(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/chat", "/embed"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			s := newStreet(t)
			owner, first, _ := s.tenant("many@example.com")
			secrets := func(client chatconnect.ClientID, n int) (keys []string) {
				for range n {
					keys = append(keys, owner.secretKey(client))
				}
				return keys
			}
			began := time.Now()
			spend := func(keys []string) (passed int) {
				return s.attack(130*len(keys), func(i int) (int, http.Header) {
					body := `{"texts":["x"]}`
					if path == "/chat" {
						body = anyQuestion
					}
					return s.curl("192.0.2.1", "POST", path, body, "X-Api-Key", keys[i%len(keys)])
				})
			}
			passed := spend(secrets(first, 4))
			allowed := func(perMinute int) int { return perMinute + int(time.Since(began).Minutes()*float64(perMinute)) + 1 }
			require.GreaterOrEqual(t, passed, 2*perKey)
			require.LessOrEqual(t, passed, allowed(2*perKey), "four keys have what two have")
			for range 4 {
				r := owner.post("/api/dashboard/clients", object{"name": "Another"})
				passed += spend(secrets(chatconnect.ClientID(r.json(t)["id"].(string)), 2))
			}
			require.GreaterOrEqual(t, passed, 5*perKey)
			require.LessOrEqual(t, passed, allowed(5*perKey), "five clients have what five keys have")
			status, _ := s.curl("192.0.2.1", "POST", "/chat", anyQuestion)
			require.Equal(t, 200, status, "another account is not concerned")
		})
	}
}
