package api

import (
	"context"
	"net/netip"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Logins a minute: attempts from one address, and failures for one account.
// Strangers can use up the last two of an account, but not what a device has
// that has logged in to it before.
const (
	loginPerIP        = 100
	failuresPerDevice = 10  // of a device that has logged in before
	failuresPerNet    = 10  // of others, from one network: a /24 of IPv4, a /48 of IPv6
	failuresOfOthers  = 100 // of others, from anywhere: slows a botnet

	networkBitsIPv4 = 24
)

// loginAttempt is counted as a failure until it turns out to be none.
type loginAttempt struct {
	server   *Server
	failures []chatconnect.RateLimit
}

// beginLogin slows guessing. It refuses an attempt before the password is
// looked at, so that many at once can't pass.
func (s *Server) beginLogin(c *gin.Context, email string) (loginAttempt, error) {
	attempt := loginAttempt{server: s, failures: s.failureLimits(c, email)}
	return attempt, s.throttle(c, append(s.addressLimits(c, "login:", loginPerIP), attempt.failures...)...)
}

// giveBack tells that the password was right, or never compared. It outlives a
// caller who has gone.
func (a loginAttempt) giveBack(ctx context.Context) {
	a.server.Limiter.GiveBack(context.WithoutCancel(ctx), a.failures...)
}

func (s *Server) failureLimits(c *gin.Context, email string) []chatconnect.RateLimit {
	account := hashKey(email)
	if device, known := s.knownDevice(c, email); known {
		return []chatconnect.RateLimit{{Key: "login:device:" + account + ":" + hashKey(device), PerMinute: failuresPerDevice}}
	}
	return []chatconnect.RateLimit{
		{Key: "login:net:" + loginNetwork(c.ClientIP()) + ":" + account, PerMinute: failuresPerNet},
		{Key: "login:account:" + account, PerMinute: failuresOfOthers},
	}
}

// loginNetwork is what one attacker can be thought to have: more than the
// address that other limits go by, because it is counted for one account only.
func loginNetwork(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return "unknown"
	}
	ip, bits := ip.Unmap().WithZone(""), networkBits
	if ip.Is4() {
		bits = networkBitsIPv4
	}
	return netip.PrefixFrom(ip, bits).Masked().String()
}
