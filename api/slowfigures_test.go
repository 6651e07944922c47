package api_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/api"
)

// TestSlowBodiesFigures prints what 50 ordinary users notice of 300 connections
// that announce a body and send nothing, with the timers of production and
// stores in memory. It takes half a minute, so it is asked for by SLOW_FIGURES=1.
func TestSlowBodiesFigures(t *testing.T) {
	if os.Getenv("SLOW_FIGURES") == "" {
		t.Skip("SLOW_FIGURES is not set")
	}
	b := setup(t, func(o *api.Options) { o.MaxConnectionsPerAddress = 10_000 }) // so that the deadline is what ends them
	owner, client, _ := b.tenant("a@example.com")
	address := strings.TrimPrefix(b.http.URL, "http://")
	routes := b.server.Routes()
	parameter := regexp.MustCompile(`:(\w+)`)

	// Each user has a connection of their own, and asks for clients and a page.
	users := make([]*browser, 50)
	for i := range users {
		users[i] = b.browser()
		users[i].client = &http.Client{Jar: owner.client.Jar, Transport: &http.Transport{}}
	}
	measure := func(span time.Duration) (took []time.Duration) {
		var mu sync.Mutex
		var all sync.WaitGroup
		until := time.Now().Add(span)
		for _, user := range users {
			all.Go(func() {
				for i := 0; time.Now().Before(until); i++ {
					path := []string{"/", "/api/dashboard/documents?clientId=" + string(client)}[i%2]
					sent := time.Now()
					r, err := user.client.Get(b.http.URL + path)
					if err != nil {
						t.Errorf("an ordinary user: %v", err)
						return
					}
					_, _ = io.Copy(io.Discard, r.Body)
					_ = r.Body.Close()
					if r.StatusCode != http.StatusOK {
						t.Errorf("an ordinary user: %s %d", path, r.StatusCode)
					}
					mu.Lock()
					took = append(took, time.Since(sent))
					mu.Unlock()
					time.Sleep(50 * time.Millisecond)
				}
			})
		}
		all.Wait()
		slices.Sort(took)
		return took
	}
	show := func(name string, took []time.Duration) {
		fmt.Printf("%s: %d requests, p50 %v, p99 %v\n", name, len(took),
			took[len(took)/2].Round(10*time.Microsecond), took[len(took)*99/100].Round(10*time.Microsecond))
	}
	measure(time.Second)
	show("without", measure(12*time.Second))

	var held sync.WaitGroup
	var mu sync.Mutex
	var longest time.Duration
	for i := range 300 {
		route := routes[i%len(routes)]
		held.Go(func() {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			path := parameter.ReplaceAllStringFunc(route.Path, func(string) string { return uuid.NewString() })
			began := time.Now()
			_, _ = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n", route.Method, path)
			_ = conn.SetReadDeadline(began.Add(30 * time.Second))
			if _, err := io.Copy(io.Discard, conn); err != nil && strings.Contains(err.Error(), "timeout") {
				t.Errorf("%s %s: still open", route.Method, route.Path)
			}
			mu.Lock()
			longest = max(longest, time.Since(began))
			mu.Unlock()
		})
	}
	show("with 300 silent bodies", measure(12*time.Second))
	held.Wait()
	fmt.Printf("all %d closed, the last after %v, on %d routes\n", 300, longest.Round(time.Millisecond), len(routes))
	require.Less(t, longest, connectionEnds)
}
