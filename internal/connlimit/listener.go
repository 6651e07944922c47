package connlimit

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// reserve is how many connections beyond the most are accepted all the
	// same, for the probes of load balancers: an attack must not get a healthy
	// process restarted. Other requests on them are refused with an answer.
	reserve = 32
	// reserveTime is how long such a connection may live.
	reserveTime = 2 * time.Second
)

// Reasons for which a connection is refused.
const (
	RefusedTotal   = "total"
	RefusedAddress = "address"
)

// Options configures a Listener.
type Options struct {
	Total      int            // connections at once
	PerAddress int            // connections at once of one address; 0 sets no limit
	Exempt     []netip.Prefix // addresses that are not limited by themselves: proxies
	OnOpen     func(change int)
	OnRefused  func(reason string)
}

// Listener refuses connections over its limits. Refusing costs neither a
// goroutine nor a read.
type Listener struct {
	net.Listener
	o         Options
	addresses *Counter

	mu   sync.Mutex
	open int
}

// NewListener puts limits on a listener.
func NewListener(inner net.Listener, options Options) *Listener {
	if options.OnOpen == nil {
		options.OnOpen = func(int) {}
	}
	if options.OnRefused == nil {
		options.OnRefused = func(string) {}
	}
	return &Listener{Listener: inner, o: options, addresses: NewCounter(options.PerAddress)}
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		admitted, reason := l.admit(conn)
		if reason == "" {
			return admitted, nil
		}
		l.o.OnRefused(reason)
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset, of which nothing stays behind in the kernel
		}
		_ = conn.Close()
	}
}

func (l *Listener) admit(inner net.Conn) (admitted *connection, refused string) {
	release := func() {}
	if address := remoteAddress(inner); l.o.PerAddress > 0 && !l.exempt(address) {
		var taken bool
		if release, taken = l.addresses.Take(address); !taken {
			return nil, RefusedAddress
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.o.Total+reserve {
		release()
		return nil, RefusedTotal
	}
	admitted = &connection{Conn: inner}
	if l.open >= l.o.Total {
		admitted.until = time.Now().Add(reserveTime)
		_ = inner.SetDeadline(admitted.until) // an error shows at the first read
	}
	l.open++
	l.o.OnOpen(1)
	admitted.release = func() {
		release()
		l.mu.Lock()
		l.open--
		l.mu.Unlock()
		l.o.OnOpen(-1)
	}
	return admitted, ""
}

func (l *Listener) exempt(address netip.Addr) bool {
	for _, prefix := range l.o.Exempt {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

func remoteAddress(conn net.Conn) netip.Addr {
	if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// connection is one that counts until it is closed.
type connection struct {
	net.Conn
	until   time.Time // when one of the reserve ends
	once    sync.Once
	release func()
}

// Close implements net.Conn.
func (c *connection) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.release)
	return err
}

// SetDeadline implements net.Conn, as do the next two. The end of a connection
// of the reserve can't be put off.
func (c *connection) SetDeadline(t time.Time) error { return c.Conn.SetDeadline(c.clamp(t)) }

// SetReadDeadline implements net.Conn.
func (c *connection) SetReadDeadline(t time.Time) error { return c.Conn.SetReadDeadline(c.clamp(t)) }

// SetWriteDeadline implements net.Conn.
func (c *connection) SetWriteDeadline(t time.Time) error { return c.Conn.SetWriteDeadline(c.clamp(t)) }

func (c *connection) clamp(t time.Time) time.Time {
	if !c.until.IsZero() && (t.IsZero() || t.After(c.until)) {
		return c.until
	}
	return t
}

// CloseWrite lets net/http end a response before it closes the connection, so
// that no reset overtakes it.
func (c *connection) CloseWrite() error {
	if tcp, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return tcp.CloseWrite()
	}
	return nil
}

type reserveKey struct{}

// ConnContext is the http.Server's: it marks requests on connections of the
// reserve.
func ConnContext(ctx context.Context, conn net.Conn) context.Context {
	if c, ok := conn.(*connection); ok && !c.until.IsZero() {
		return context.WithValue(ctx, reserveKey{}, true)
	}
	return ctx
}

// OnReserve reports whether a request came on a connection of the reserve:
// only probes are to be answered.
func OnReserve(ctx context.Context) bool { return ctx.Value(reserveKey{}) != nil }
