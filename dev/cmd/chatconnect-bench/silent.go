package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/chatconnect/chatconnect/api"
)

// silentFrom is the attacker's address. The users have another, so that limits
// of an address hold for the attacker alone. All of 127/8 is this machine, on
// Linux without further ado.
const silentFrom = "127.0.0.9"

const (
	silentAtMost  = 30 * time.Second // a connection open for longer counts as held for ever
	refusedWithin = time.Second      // sooner than any timeout
	dialTimeout   = 5 * time.Second
	redialPause   = 100 * time.Millisecond // of one that was refused
)

// announcements are the last header fields of a request whose body never comes.
var announcements = []string{
	"Content-Length: 1000",
	"Transfer-Encoding: chunked",
	"Content-Length: 1000\r\nExpect: 100-continue",
}

// silentRequests returns the head of a request to every operation of
// openapi.yaml, without a login or key, once for each announcement.
func silentRequests(host string) (requests []string, operations int, err error) {
	description, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	if err != nil {
		return nil, 0, err
	}
	parameter := regexp.MustCompile(`\{[^}]+\}`)
	paths := description.Paths.Map()
	for _, announcement := range announcements {
		for _, path := range slices.Sorted(maps.Keys(paths)) {
			byMethod := paths[path].Operations()
			for _, method := range slices.Sorted(maps.Keys(byMethod)) {
				contentType := "application/json"
				if body := byMethod[method].RequestBody; body != nil {
					for contentType = range body.Value.Content {
						break
					}
				}
				requests = append(requests, fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s; boundary=x\r\n%s\r\n\r\n",
					method, parameter.ReplaceAllString(path, uuid.NewString()), host, contentType, announcement))
			}
		}
	}
	return requests, len(requests) / len(announcements), nil
}

// silence is what became of a silent connection.
type silence struct {
	took    time.Duration // until the server closed it
	refused bool          // at once and without an answer
}

// attacker opens connections that announce a body and send nothing.
type attacker struct {
	address  string
	requests []string
}

// hold keeps so many connections open until ctx ends: each is opened again
// as soon as the server has closed it. It returns what became of the first ones,
// which it waits for, and how many were opened again.
func (a attacker) hold(ctx context.Context, connections int) (first []silence, reopened int64, err error) {
	var mu sync.Mutex
	var again atomic.Int64
	var group errgroup.Group
	for i := range connections {
		group.Go(func() error {
			s, err := a.keepSilent(context.WithoutCancel(ctx), i)
			if err != nil {
				return err
			}
			mu.Lock()
			first = append(first, s)
			mu.Unlock()
			for next := i + connections; ctx.Err() == nil; next += connections {
				if s.refused {
					select {
					case <-time.After(redialPause):
					case <-ctx.Done():
						return nil
					}
				}
				again.Add(1)
				if s, err = a.keepSilent(ctx, next); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err = group.Wait()
	return first, again.Load(), err
}

// keepSilent sends a request's head and waits until the server closes the
// connection or ctx ends.
func (a attacker) keepSilent(ctx context.Context, turn int) (silence, error) {
	request := a.requests[turn%len(a.requests)]
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(silentFrom)}, Timeout: dialTimeout}
	began := time.Now()
	// Refused connections may be reset at any of these steps.
	conn, err := dialer.DialContext(ctx, "tcp", a.address)
	answered := int64(0)
	if err == nil {
		defer conn.Close()
		defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
		_ = conn.SetDeadline(began.Add(silentAtMost))
		if _, err = io.WriteString(conn, request); err == nil {
			answered, err = io.Copy(io.Discard, conn)
		}
	}
	took := time.Since(began)
	switch {
	case ctx.Err() != nil:
		return silence{took: took}, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return silence{}, fmt.Errorf("still open after %s, or no way to it: %w: %.60q", seconds(took), err, request)
	case conn == nil && took >= refusedWithin:
		return silence{}, err
	}
	return silence{took: took, refused: answered == 0 && took < refusedWithin}, nil
}
