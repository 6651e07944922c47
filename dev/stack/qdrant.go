package stack

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"

	"github.com/chatconnect/chatconnect/dev/qdrant"
)

// qdrantServer is the Qdrant stand-in with its listener.
type qdrantServer struct {
	server *qdrant.Server
	url    string
	served chan error
}

func startQdrant(dir string, port int, logger *slog.Logger) (*qdrantServer, error) {
	server, err := qdrant.Open(dir, qdrant.Options{Logger: logger})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("qdrant: %w", err), server.Close())
	}
	q := &qdrantServer{server: server, url: "http://" + listener.Addr().String(), served: make(chan error, 1)}
	go func() { q.served <- server.Serve(listener) }()
	return q, nil
}

func (q *qdrantServer) close() error {
	return errors.Join(q.server.Close(), <-q.served)
}
