package stack

import (
	"errors"
	"net"
	"strconv"
	"syscall"
)

// Ports are the loopback ports wanted for the embedded parts. A port that is
// 0 or taken is replaced by a free one, so that two stacks can run side by
// side; the addresses that came out are in the Stack.
type Ports struct {
	Temporal   int
	TemporalUI int
	Redis      int
	Qdrant     int // gRPC
}

// UsualPorts are those the real servers have by default, so that their
// command-line tools find the embedded ones.
func UsualPorts() Ports {
	return Ports{Temporal: 7233, TemporalUI: 8233, Redis: 6379, Qdrant: 6334}
}

// withPorts starts something with those of the wanted ports that are
// free, or else with any. Looking whether a port is free
// doesn't reserve it, and a second stack may be starting at this moment.
func withPorts[T any](wanted []int, start func(ports []int) (T, error)) (T, error) {
	free := make([]int, len(wanted))
	for i, port := range wanted {
		free[i] = orFree(port)
	}
	started, err := start(free)
	if errors.Is(err, syscall.EADDRINUSE) {
		started, err = start(make([]int, len(wanted)))
	}
	return started, err
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
	return uint32(listener.Addr().(*net.TCPAddr).Port)
}

const loopback = "127.0.0.1"
