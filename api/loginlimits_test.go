package api_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/api"
)

func behindProxy(o *api.Options) { o.TrustedProxies = []string{"127.0.0.1"} }

func (b *browser) from(address string) *browser { return b.with("X-Forwarded-For", address) }

func (b *browser) logIn(email, password string) response {
	return b.post("/api/auth/login", object{"email": email, "password": password})
}

// Strangers who guess, from however many networks, don't lock the owner out of
// a device that they have used before.
func TestStrangersDontLockAKnownDeviceOut(t *testing.T) {
	t.Parallel()
	b := setup(t, behindProxy)
	owner, _ := b.register("ada@example.com")
	stranger := b.browser()
	for network := range 11 {
		for guess := range 10 {
			r := stranger.from(fmt.Sprintf("198.51.%d.%d", network, guess)).logIn("ada@example.com", "guess")
			if network < 10 {
				r.problem(t, 401, "login_wrong")
			} else {
				r.problem(t, 429, "rate_limited")
			}
		}
	}
	stranger.from("203.0.113.1").logIn("ada@example.com", "correct horse").problem(t, 429, "rate_limited")
	require.Equal(t, 200, owner.from("198.51.3.3").logIn("ada@example.com", "correct horse").StatusCode, "from the guessers' own network")
}

func TestFailuresAreCountedByNetwork(t *testing.T) {
	t.Parallel()
	for name, addresses := range map[string][3]string{
		"IPv4 /24": {"198.51.100.%d", "198.51.100.200", "198.51.101.1"},
		"IPv6 /48": {"2001:db8:1:%d::1", "2001:db8:1:ffff::1", "2001:db8:2::1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, behindProxy)
			b.register("ada@example.com")
			who := b.browser()
			for i := range 10 {
				who.from(fmt.Sprintf(addresses[0], i)).logIn("ada@example.com", "guess").problem(t, 401, "login_wrong")
			}
			who.from(addresses[1]).logIn("ada@example.com", "correct horse").problem(t, 429, "rate_limited")
			require.Equal(t, 200, who.from(addresses[2]).logIn("ada@example.com", "correct horse").StatusCode, "another network")
		})
	}
}

func TestSuccessesAreNoFailures(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register("ada@example.com")
	for range 30 {
		require.Equal(t, 200, b.browser().logIn("ada@example.com", "correct horse").StatusCode)
	}
}

func TestDeviceCookie(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.browser().post("/api/auth/register", object{"email": "ada@example.com", "password": "correct horse", "name": "Ada"})
	cookie := cookieNamed(t, r, "cc_device")
	require.True(t, cookie.HttpOnly)
	b.register("bob@example.com")
	with := func(value string) *browser { return b.browser().with("Cookie", "cc_device="+value) }
	exhaust := func(who *browser, email string) {
		for range 10 {
			who.logIn(email, "guess").problem(t, 401, "login_wrong")
		}
		who.logIn(email, "guess").problem(t, 429, "rate_limited")
	}

	exhaust(b.browser(), "ada@example.com")
	exhaust(with(cookie.Value), "ada@example.com") // it has a limit of its own
	for _, value := range map[string]string{"of nothing": "", "forged": cookie.Value[:len(cookie.Value)-2] + "AA", "without signature": cookie.Value[:22]} {
		with(value).logIn("ada@example.com", "correct horse").problem(t, 429, "rate_limited")
	}

	exhaust(b.browser(), "bob@example.com")
	with(cookie.Value).logIn("bob@example.com", "correct horse").problem(t, 429, "rate_limited") // bound to the account

	rotated := setup(t, func(o *api.Options) { o.SessionSecret = []byte("another secret of at least 32 bytes, too") })
	rotated.register("ada@example.com")
	exhaust(rotated.browser(), "ada@example.com")
	rotated.browser().with("Cookie", "cc_device="+cookie.Value).logIn("ada@example.com", "correct horse").problem(t, 429, "rate_limited")
}
