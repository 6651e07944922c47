package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/config"
	"github.com/chatconnect/chatconnect/internal/connlimit"
	"github.com/chatconnect/chatconnect/internal/httphost"
)

// Times a peer may take. Reading a body and writing a response are bounded by
// the handlers (connlimit.Bound), which extend the deadline while bytes flow: an
// upload may be slow, an answer may stream for minutes.
const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	firstByteTimeout  = 500 * time.Millisecond // while the endpoint shuts down

	// Of the metrics' port, which Prometheus and probes alone use.
	metricsTimeout     = 10 * time.Second
	metricsConnections = 128
)

// endpoint is a listener with its server.
type endpoint struct {
	listener net.Listener
	server   *http.Server
	unused   sync.Map // of the net.Conns that no byte has come on yet
}

// listen binds at once, so that a taken port is said before anything starts.
func listen(ctx context.Context, name, address string, handler http.Handler, limits connlimit.Options) (*endpoint, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	e := &endpoint{listener: connlimit.NewListener(listener, limits)}
	onlyHTTP1 := new(http.Protocols) // HTTP/2 is the proxy's, and would put many requests on one connection
	onlyHTTP1.SetHTTP1(true)
	e.server = &http.Server{
		Protocols: onlyHTTP1, ConnContext: connlimit.ConnContext,
		Handler: handler, ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: 64 << 10,
		ConnState: e.observe,
	}
	e.server.RegisterOnShutdown(e.hurry)
	return e, nil
}

func (e *endpoint) observe(conn net.Conn, state http.ConnState) {
	if state == http.StateNew {
		e.unused.Store(conn, nil)
		return
	}
	e.unused.Delete(conn)
}

// hurry gives connections that were never used little time to become so.
// Browsers open them in advance, and net/http would wait over 5 s for each
// before it takes it for idle.
func (e *endpoint) hurry() {
	deadline := time.Now().Add(firstByteTimeout)
	e.unused.Range(func(conn, _ any) bool {
		_ = conn.(net.Conn).SetReadDeadline(deadline) // a request that comes sets its own
		return true
	})
}

func (e *endpoint) serve() error {
	if err := e.server.Serve(e.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// shutdown lets running requests finish until ctx ends, then cuts them.
func (e *endpoint) shutdown(ctx context.Context) error {
	if err := e.server.Shutdown(ctx); err != nil {
		return errors.Join(err, e.server.Close())
	}
	return nil
}

func (e *endpoint) url() string {
	host, port, err := net.SplitHostPort(e.listener.Addr().String())
	if ip := net.ParseIP(host); err == nil && ip != nil && (ip.IsUnspecified() || ip.IsLoopback()) {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

func (a *App) listen(ctx context.Context) error {
	var err error
	if a.options.Roles.API {
		address := net.JoinHostPort(a.config.Host, strconv.Itoa(a.config.Port))
		proxies, err := connlimit.ParsePrefixes(a.config.TrustedProxies)
		if err != nil {
			return fmt.Errorf("TRUSTED_PROXIES: %w", err)
		}
		limits := connlimit.Options{
			Total: a.config.MaxConnections, PerAddress: a.config.MaxConnectionsPerAddress, Exempt: proxies,
			OnOpen: a.metrics.ConnectionsChanged, OnRefused: a.metrics.ConnectionRefused,
		}
		if a.http, err = listen(ctx, "PORT", address, a.api.Handler(), limits); err != nil {
			return err
		}
	}
	if a.config.MetricsAddr == "off" {
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.metrics.Registry, promhttp.HandlerOpts{Registry: a.metrics.Registry}))
	mux.HandleFunc("GET /readyz", a.serveReady)
	mux.HandleFunc("GET /health", a.serveHealth)
	var metrics http.Handler = mux
	if host, _, err := net.SplitHostPort(a.config.MetricsAddr); err == nil && config.Loopback(host) {
		metrics = httphost.LocalOnly(mux)
	}
	bounded := connlimit.Bound(metrics, func() connlimit.Timeouts {
		return connlimit.Timeouts{Body: metricsTimeout, Write: metricsTimeout}
	})
	if a.metricsEndpoint, err = listen(ctx, "METRICS_ADDR", a.config.MetricsAddr, bounded, connlimit.Options{Total: metricsConnections}); err != nil && a.http != nil {
		err = errors.Join(err, a.http.listener.Close())
	}
	return err
}

// serveReady is the readiness of a process that has no API: a worker's.
func (a *App) serveReady(w http.ResponseWriter, _ *http.Request) {
	select {
	case <-a.ready:
		w.WriteHeader(http.StatusOK)
	default:
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// serveHealth tells those who can reach the metrics all that an operator is
// told: the port is the machine's own, or of a network without strangers.
func (a *App) serveHealth(w http.ResponseWriter, r *http.Request) {
	report := a.health.Report(r.Context())
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if report.Status != chatconnect.HealthOK {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(report) // the peer may have gone
}
