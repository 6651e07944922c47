package api_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/api"
)

// slowBodies are the ways not to send what was announced. Each is a request's
// last header fields, and what is sent every now and then.
var slowBodies = map[string]struct{ fields, trickle string }{
	"nothing of a length":    {"Content-Length: 1000\r\n\r\n", ""},
	"nothing of chunks":      {"Transfer-Encoding: chunked\r\n\r\n", ""},
	"nothing after continue": {"Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n", ""},
	"a byte at a time":       {"Content-Length: 1000\r\n\r\n", "x"},
	"a chunk at a time":      {"Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"},
	"a length never reached": {"Content-Length: 999999999\r\n\r\n", "x"},
}

// connectionEnds is the longest time that a body which doesn't come holds a
// connection, with the timers of production and a reserve.
const connectionEnds = 15 * time.Second

// TestSlowBodiesEndOnEveryRoute asks every route of the router, and some that
// there are not, as a stranger and as somebody who may do anything.
func TestSlowBodiesEndOnEveryRoute(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *api.Options) {
		o.Decoder = http.NotFoundHandler()
		o.MaxConnectionsPerAddress = 10_000
		o.Uploads = api.UploadLimits{AtOnce: 1000, AtOncePerUser: 1000}
		o.Documents = steppingStore{o.Documents.(documentStore)}
	})
	b.server.Quick(func(timing *api.Timing) {
		timing.Body, timing.UploadStall, timing.DocumentWait = 300*time.Millisecond, 300*time.Millisecond, 300*time.Millisecond
	})
	_, client, key := b.tenant("a@example.com")
	document := progress(client, 10)
	document.Status = chatconnect.StatusReady
	documentStore{memory: b.memory}.set(document)
	var owner chatconnect.UserID
	for user := range b.memory.roles[client] {
		owner = user
	}

	parameter := regexp.MustCompile(`:(\w+)`)
	routes := []string{"POST /nowhere", "GET /nowhere", "PUT /chat", "DELETE /", "POST /", "GET /", "PRI *", "GET /assets/app-1f.js", "TRACE /livez"}
	for _, route := range b.server.Routes() {
		routes = append(routes, route.Method+" "+parameter.ReplaceAllStringFunc(route.Path, func(name string) string {
			switch {
			case name == ":clientId" && route.Method != http.MethodDelete:
				return string(client)
			case name == ":id" && strings.HasSuffix(route.Path, "/replace"):
				return string(document.ID)
			}
			return uuid.NewString()
		}))
	}
	require.Greater(t, len(routes), 60)

	var all sync.WaitGroup
	for _, route := range routes {
		for name, slow := range slowBodies {
			for _, trusted := range []bool{false, true} {
				all.Go(func() {
					fields := "Host: x\r\nContent-Type: application/json\r\n"
					if strings.Contains(route, "/upload") || strings.Contains(route, "/replace") {
						fields = "Host: x\r\nContent-Type: multipart/form-data; boundary=x\r\n"
					}
					if trusted {
						token := uuid.NewString()
						b.memory.mu.Lock()
						b.memory.sessions[token] = owner
						b.memory.mu.Unlock()
						fields += "X-Internal-Secret: internal secret\r\nAuthorization: Bearer internal secret\r\nX-Api-Key: " + key +
							"\r\nCookie: " + api.SessionCookie + "=" + token + "\r\nX-Session-Token: " + b.server.SessionToken(client, "s1") + "\r\n"
					}
					method, path, _ := strings.Cut(route, " ")
					query := "?sessionId=s1&messageId=m1&clientId=" + string(client)
					if path == "*" {
						query = ""
					}
					request := fmt.Sprintf("%s %s%s HTTP/1.1\r\n%s%s", method, path, query, fields, slow.fields)
					if err := holdOpen(b, request, slow.trickle); err != nil {
						t.Errorf("%s, %s, trusted %t: %v", route, name, trusted, err)
					}
				})
			}
		}
	}
	all.Wait()
}

// holdOpen sends a request and then the trickle, until the server closes the
// connection. It is an error if it doesn't.
func holdOpen(b *bundle, request, trickle string) error {
	conn, err := net.Dial("tcp", strings.TrimPrefix(b.http.URL, "http://"))
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		return err
	}
	ended := make(chan struct{})
	defer close(ended)
	if trickle != "" {
		go func() {
			for {
				select {
				case <-ended:
					return
				case <-time.After(20 * time.Millisecond):
					_, _ = io.WriteString(conn, trickle)
				}
			}
		}()
	}
	if err := conn.SetReadDeadline(time.Now().Add(connectionEnds)); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.New("the connection is still open")
	}
	return nil // closed; a reset is as good
}

// TestLargeBodiesMayBeSlow: what keeps coming at a decent pace is waited for,
// longer than a small body is.
func TestLargeBodiesMayBeSlow(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *api.Options) { o.MaxFileSize = 100_000 })
	b.server.Quick(func(timing *api.Timing) { timing.Body, timing.UploadStall = 200*time.Millisecond, 5*time.Second })
	owner, client, _ := b.tenant("a@example.com")
	contentType, body := form(t, part{"clientId", "", string(client)}, part{"file", "a.txt", strings.Repeat("x", 90_000)})
	r := owner.with("Content-Type", contentType).do(t.Context(), http.MethodPost, uploadPath, &paced{r: body, pause: 50 * time.Millisecond})
	require.Equal(t, http.StatusAccepted, r.StatusCode, "%s", r.body)
}

// paced gives 9 kB at a time.
type paced struct {
	r     io.Reader
	pause time.Duration
}

func (p *paced) Read(b []byte) (int, error) {
	time.Sleep(p.pause)
	return p.r.Read(b[:min(len(b), 9000)])
}

// TestReadersWhoNeverReadAreLetGo: a response that nobody reads ends, and with
// it what its handler holds.
func TestReadersWhoNeverReadAreLetGo(t *testing.T) {
	t.Parallel()
	const large = 16 << 20 // more than all buffers in between
	b := setup(t, func(o *api.Options) {
		o.Pages = fstest.MapFS{"index.html": {Data: make([]byte, large)}}
	})
	b.server.Quick(func(timing *api.Timing) { timing.Write = 200 * time.Millisecond })
	owner, client, _ := b.tenant("a@example.com")
	for range 2000 {
		b.chats.log(client, exchangeAt(began, strings.Repeat("x", 8<<10)))
	}
	address, err := url.Parse(b.http.URL)
	require.NoError(t, err)
	cookie := owner.client.Jar.Cookies(address)[0].String()
	for name, path := range map[string]string{
		"a page":    "/",
		"an export": "/api/dashboard/chats?format=csv&clientId=" + string(client),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", strings.TrimPrefix(b.http.URL, "http://"))
			require.NoError(t, err)
			defer conn.Close()
			_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nCookie: %s\r\n\r\n", path, cookie)
			require.NoError(t, err)
			route := `"path":"` + strings.SplitN(path, "?", 2)[0] + `"`
			require.Eventually(t, func() bool { // its line in the log is written when the handler has ended
				for line := range strings.Lines(b.log.String()) {
					if strings.Contains(line, `"msg":"request"`) && strings.Contains(line, route) {
						return true
					}
				}
				return false
			}, connectionEnds, 10*time.Millisecond)
		})
	}
}
