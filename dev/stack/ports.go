package stack

import (
	"net"
	"strconv"
)

// Ports are the loopback ports wanted for the embedded parts. A port that is
// 0 or taken is replaced by a free one, so that two stacks can run side by
// side; the addresses that came out are in the Stack.
type Ports struct {
	Temporal   int
	TemporalUI int
	Redis      int
	Qdrant     int // gRPC
	Metrics    int // of the app, METRICS_ADDR
}

// UsualPorts are those the real servers have by default, so that their
// command-line tools find the embedded ones.
func UsualPorts() Ports {
	return Ports{Temporal: 7233, TemporalUI: 8233, Redis: 6379, Qdrant: 6334, Metrics: 9464}
}

// orFree returns the port if it can be listened on, else 0.
func orFree(port int) int {
	listener, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
	if err != nil {
		return 0
	}
	_ = listener.Close()
	return port
}

// freePort is for those who can't be given a listener or port 0.
func freePort() uint32 {
	listener, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
	if err != nil {
		return 0
	}
	defer func() { _ = listener.Close() }()
	return uint32(listener.Addr().(*net.TCPAddr).Port) //nolint:gosec // a port
}

const loopback = "127.0.0.1"
