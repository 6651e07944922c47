package redistest

import (
	"net"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Proxy stands between clients and a server, and is the network's bad day.
type Proxy struct {
	network, address string // of the server
	listener         net.Listener
	pipes            sync.WaitGroup

	mu      sync.Mutex
	refuse  bool
	closed  bool
	conns   map[net.Conn]struct{}
	flowing chan struct{} // closed while data flow
	born    int           // counts connections
	frozen  int           // those up to this one are frozen
	over    chan struct{} // closed with the proxy
}

// Proxy starts a proxy before the server, which ends with the test.
func (s *Server) Proxy(t testing.TB) *Proxy {
	t.Helper()
	return Before(t, s.Network, s.Addr)
}

// Before starts a proxy before any server, a Redis or not, which ends with the
// test.
func Before(t testing.TB, network, address string) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{network: network, address: address, listener: listener, conns: make(map[net.Conn]struct{}), flowing: make(chan struct{}), over: make(chan struct{})}
	close(p.flowing)
	p.pipes.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Addr is where it listens, host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Client returns a client that goes through the proxy.
func (p *Proxy) Client(t testing.TB) *redis.Client {
	t.Helper()
	return newClient(t, "tcp", p.listener.Addr().String())
}

// Cut resets all connections. New ones are accepted.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

// Down cuts all connections and closes new ones at once, until Up.
func (p *Proxy) Down() {
	p.mu.Lock()
	p.refuse = true
	p.mu.Unlock()
	p.Cut()
}

// Up ends Down.
func (p *Proxy) Up() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = false
}

// Pause lets nothing through in either direction, without a word to anyone, as
// a host does that has vanished. Connections stay open until Resume or Cut.
func (p *Proxy) Pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.flowing:
		p.flowing = make(chan struct{})
	default:
	}
}

// Resume ends Pause; what was held back goes through.
func (p *Proxy) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.flowing:
	default:
		close(p.flowing)
	}
}

// Freeze is Pause for the present connections only, and for ever: their peer
// has vanished without a word, and another has taken its address.
func (p *Proxy) Freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = p.born
}

func (p *Proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	close(p.over)
	p.mu.Unlock()
	p.Down()
	p.Resume()
	p.pipes.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial(p.network, p.address) //nolint:noctx // loopback
		if err != nil {
			_ = client.Close()
			continue
		}
		born, ok := p.add(client, server)
		if !ok {
			_ = client.Close()
			_ = server.Close()
			continue
		}
		p.pipes.Go(func() { p.pipe(born, server, client) })
		p.pipes.Go(func() { p.pipe(born, client, server) })
	}
}

func (p *Proxy) add(conns ...net.Conn) (born int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse || p.closed {
		return 0, false
	}
	for _, c := range conns {
		p.conns[c] = struct{}{}
	}
	p.born++
	return p.born, true
}

func (p *Proxy) pipe(born int, to, from net.Conn) {
	defer func() {
		_ = to.Close()
		_ = from.Close()
		p.mu.Lock()
		delete(p.conns, to)
		delete(p.conns, from)
		p.mu.Unlock()
	}()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			p.mu.Lock()
			flowing, frozen := p.flowing, born <= p.frozen
			p.mu.Unlock()
			if frozen {
				<-p.over
				return
			}
			<-flowing
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
