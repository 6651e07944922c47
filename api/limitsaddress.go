package api

import (
	"net/netip"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Who has one IPv6 address has the whole /64 around it, and a /48, as tunnels
// and providers give away, has 65,536 of those. Other people may live in the
// same /48, so it gets more than an address does: two and a half times as
// much, which of a key's questions is half.
const (
	headerForwarded = "X-Forwarded-For"

	addressBits = 64
	networkBits = 48
)

func networkLimit(perAddress int) int { return perAddress * 5 / 2 }

// addressLimits are what a request counts against by where it comes from. The
// keys begin with prefix.
func (s *Server) addressLimits(c *gin.Context, prefix string, perMinute int) []chatconnect.RateLimit {
	address, network := s.visitorAddress(c)
	limits := []chatconnect.RateLimit{{Key: prefix + "ip:" + address, PerMinute: perMinute}}
	if network != "" {
		limits = append(limits, chatconnect.RateLimit{Key: prefix + "net:" + network, PerMinute: networkLimit(perMinute)})
	}
	return limits
}

// visitorIP is the address that limits go by: of IPv6 the /64.
func (s *Server) visitorIP(c *gin.Context) string {
	address, _ := s.visitorAddress(c)
	return address
}

// visitorAddress returns the address that limits go by and, for IPv6, the
// network around it.
func (s *Server) visitorAddress(c *gin.Context) (address, network string) {
	s.warnOfProxy(c)
	ip, err := netip.ParseAddr(c.ClientIP())
	if err != nil {
		return "unknown", ""
	}
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		return ip.String(), ""
	}
	// Of an IPv6 address every prefix of up to 128 bits exists.
	return netip.PrefixFrom(ip, addressBits).Masked().String(), netip.PrefixFrom(ip, networkBits).Masked().String()
}

// warnOfProxy tells the operator, once, when visitors seem to come through a
// proxy that is not trusted: they would all share the limits of one address.
func (s *Server) warnOfProxy(c *gin.Context) {
	if c.GetHeader(headerForwarded) == "" || c.ClientIP() != c.RemoteIP() {
		return
	}
	peer, err := netip.ParseAddr(c.RemoteIP())
	if peer = peer.Unmap(); err != nil || !peer.IsPrivate() && !peer.IsLoopback() && !peer.IsLinkLocalUnicast() {
		return // anybody out there may send the header
	}
	s.proxyWarning.Do(func() {
		s.Logger.WarnContext(c.Request.Context(), "X-Forwarded-For is not believed: if the sender is your proxy, name it in TRUSTED_PROXIES, or all visitors share one address's limits", "from", peer.String())
	})
}
