package vector

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// restPort is Qdrant's other port.
const restPort = 6333

// protocolTimeout bounds CheckProtocol.
const protocolTimeout = 5 * time.Second

// http2Preface is what an HTTP/2 client says first: a fixed text, and empty
// settings.
const http2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"

// errREST is from a port that speaks HTTP/1.
func errREST(port int) error {
	return fmt.Errorf("QDRANT_URL points at the REST port %d; ChatConnect speaks gRPC, usually port %d", port, defaultPort)
}

// CheckProtocol returns an error if the URL of Qdrant is one of its REST port:
// gRPC would try to connect there for ever, and say nothing that helps. It
// takes five seconds at most. A server that can't be reached is no error: it
// may be starting.
func CheckProtocol(ctx context.Context, rawURL string) error {
	ctx, cancel := context.WithTimeout(ctx, protocolTimeout)
	defer cancel()
	return checkProtocol(ctx, rawURL)
}

// checkProtocol does so until ctx ends, which has a deadline.
func checkProtocol(ctx context.Context, rawURL string) error {
	a, err := parseURL(rawURL)
	if err != nil {
		return err
	}
	if a.port == restPort {
		return errREST(a.port)
	}
	conn, err := a.dial(ctx)
	if err != nil {
		return nil // not reachable yet
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)
	if _, err := io.WriteString(conn, http2Preface); err != nil {
		return nil // as above
	}
	const http1 = "HTTP/1."
	answer := make([]byte, len(http1))
	n, err := io.ReadFull(conn, answer)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil // silent, and so not HTTP/1
	}
	if bytes.Equal(answer[:n], []byte(http1)) {
		return errREST(a.port)
	}
	return nil
}

func (a address) dial(ctx context.Context) (net.Conn, error) {
	host := strings.Trim(a.host, "[]")
	target := net.JoinHostPort(host, strconv.Itoa(a.port))
	if !a.tls {
		return new(net.Dialer).DialContext(ctx, "tcp", target)
	}
	// Nothing is sent that is worth protecting, and certificates are checked
	// when the client connects.
	dialer := tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"}, ServerName: host}}
	return dialer.DialContext(ctx, "tcp", target)
}
