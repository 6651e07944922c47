package api_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/api"
)

// embedder makes vectors of a text's length, and keeps the sizes of its calls.
type embedder struct {
	mu    sync.Mutex
	calls []int
	err   error
	// during, if set, is called in the middle of each call.
	during func()
}

func (e *embedder) Model() string   { return "lengths" }
func (e *embedder) Dimensions() int { return 1 }

func (e *embedder) Embed(_ context.Context, _ chatconnect.ClientID, texts []string) (chatconnect.Embedding, error) {
	if e.during != nil {
		e.during()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls = append(e.calls, len(texts))
	out := chatconnect.Embedding{Tokens: 3 * len(texts), Paid: 2 * len(texts), Cost: 5}
	for _, text := range texts {
		out.Vectors = append(out.Vectors, []float32{float32(len(text))})
	}
	return out, e.err
}

// secretKey makes a secret key of the browser's client.
func (b *browser) secretKey(client chatconnect.ClientID) string {
	b.t.Helper()
	r := b.post("/api/dashboard/clients/"+string(client)+"/keys", object{"kind": "secret", "name": "Server"})
	require.Equal(b.t, 201, r.StatusCode, "%s", r.body)
	return r.json(b.t)["token"].(string)
}

func TestEmbed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, publishable := b.tenant("a@example.com")
	secret := owner.secretKey(client)
	server := b.browser().with("X-Api-Key", secret)

	r := server.post("/embed", object{"texts": []string{"a", "bcd"}})
	require.Equal(t, 200, r.StatusCode, "%s", r.body)
	require.Equal(t, object{
		"model": "lengths", "dimensions": 1.0, "vectors": []any{[]any{1.0}, []any{3.0}}, "usage": object{"inputTokens": 6.0},
	}, r.json(t))
	require.Equal(t, "100", r.Header.Get("RateLimit-Limit"))
	require.Equal(t, "99", r.Header.Get("RateLimit-Remaining"))

	internal := b.browser().with("X-Internal-Secret", "internal secret")
	r = internal.post("/embed", object{"texts": []string{"a"}})
	require.Equal(t, 200, r.StatusCode, "%s", r.body)
	require.Empty(t, r.Header.Get("RateLimit-Limit"))

	b.browser().post("/embed", object{"texts": []string{"a"}}).problem(t, 401, "api_key_invalid")
	b.browser().with("X-Internal-Secret", "guess").post("/embed", object{"texts": []string{"a"}}).problem(t, 401, "internal_secret_wrong")
	b.browser().with("X-Internal-Secret", "guess").with("X-Api-Key", secret).post("/embed", object{"texts": []string{"a"}}).problem(t, 401, "internal_secret_wrong")
	b.browser().with("X-Api-Key", publishable).post("/embed", object{"texts": []string{"a"}}).problem(t, 403, "secret_key_required")

	for name, test := range map[string]struct {
		texts any
		code  string
	}{
		"none":     {[]string{}, "texts_invalid"},
		"too many": {strings.Split(strings.Repeat("x ", 257)[:513], " "), "texts_invalid"},
		"empty":    {[]string{"a", ""}, "text_length_invalid"},
		"long":     {[]string{strings.Repeat("é", 8001)}, "text_length_invalid"},
		"a number": {[]int{1}, "body_invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			internal.post("/embed", object{"texts": test.texts}).problem(t, 400, test.code)
		})
	}
	require.Equal(t, 200, internal.post("/embed", object{"texts": []string{strings.Repeat("é", 8000)}}).StatusCode)

	without := setup(t, func(o *api.Options) { o.Embedder = nil })
	status := without.browser().with("X-Internal-Secret", "internal secret").post("/embed", object{"texts": []string{"a"}}).StatusCode
	require.Contains(t, []int{http.StatusNotFound, http.StatusMethodNotAllowed}, status)
}

// TestEmbedKeepsTheProvidersLimits: no call has more than 128 texts, or more
// than 300,000 bytes and so tokens.
func TestEmbedKeepsTheProvidersLimits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	internal := b.browser().with("X-Internal-Secret", "internal secret")
	texts := make([]string, 256)
	for i := range texts {
		texts[i] = strings.Repeat("x", i+1)
	}
	r := internal.post("/embed", object{"texts": texts})
	require.Equal(t, 200, r.StatusCode, "%s", r.body)
	require.Equal(t, []int{128, 128}, b.embedder.calls)
	vectors := r.json(t)["vectors"].([]any)
	require.Len(t, vectors, 256)
	for i, v := range vectors {
		require.EqualValues(t, i+1, v.([]any)[0], "in order")
	}
	require.EqualValues(t, 3*256, r.json(t)["usage"].(object)["inputTokens"])

	b.embedder.calls = nil
	for i := range texts {
		texts[i] = strings.Repeat("漢", 8000)
	}
	require.Equal(t, 200, internal.post("/embed", object{"texts": texts}).StatusCode)
	total := 0
	for _, n := range b.embedder.calls {
		require.LessOrEqual(t, n*24_000, 300_000)
		total += n
	}
	require.Equal(t, 256, total)
}

func TestEmbedIsLimitedByTier(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, key := b.tenant("a@example.com")
	server := b.browser().with("X-Api-Key", owner.secretKey(client))
	for range 100 {
		require.Equal(t, 200, server.post("/embed", object{"texts": []string{"a"}}).StatusCode)
	}
	r := server.post("/embed", object{"texts": []string{"a"}})
	r.problem(t, 429, "rate_limited")
	require.NotEmpty(t, r.Header.Get("Retry-After"))
	require.NotEqual(t, 429, b.browser().with("X-Api-Key", key).get("/api/widget/config").StatusCode, "questions have limits of their own")
}

func TestEmbedErrors(t *testing.T) {
	t.Parallel()
	b := setup(t)
	internal := b.browser().with("X-Internal-Secret", "internal secret")
	for name, test := range map[string]struct {
		err    error
		status int
		code   string
	}{
		"limited":     {&chatconnect.Error{Kind: chatconnect.KindRateLimited, Code: "model_rate_limited", Message: "Busy.", RetryAfter: 7 * time.Second}, 503, "model_rate_limited"},
		"down":        {chatconnect.Errorf(chatconnect.KindUnavailable, "model_unavailable", "Away."), 503, "model_unavailable"},
		"credentials": {chatconnect.Errorf(chatconnect.KindInternal, "model_credentials_invalid", "Wrong key."), 502, "model_credentials_invalid"},
		"too long":    {chatconnect.Errorf(chatconnect.KindTooLarge, "model_context_too_long", "Too long."), 502, "model_context_too_long"},
		"bug":         {context.Canceled, 500, "internal"},
	} {
		t.Run(name, func(t *testing.T) {
			b.embedder.mu.Lock()
			b.embedder.err = test.err
			b.embedder.mu.Unlock()
			r := internal.post("/embed", object{"texts": []string{"a"}})
			r.problem(t, test.status, test.code)
			if test.status == 503 {
				require.NotEmpty(t, r.Header.Get("Retry-After"))
			}
		})
	}
}

// TestEmbedSpendsTheClientsBudget: a secret key's texts are counted like answers,
// and nothing is embedded once the month's tokens are used up.
func TestEmbedSpendsTheClientsBudget(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, _ := b.tenant("a@example.com")
	b.memory.budget = chatconnect.TokenBudget{Limit: 400, Ceiling: 400}
	server := b.browser().with("X-Api-Key", owner.secretKey(client))
	texts := make([]string, 130) // two calls of the provider
	for i := range texts {
		texts[i] = "x"
	}
	require.Equal(t, 200, server.post("/embed", object{"texts": texts}).StatusCode)
	b.memory.mu.Lock()
	require.Equal(t, []chatconnect.Completion{
		{Model: "lengths", Usage: chatconnect.Usage{InputTokens: 3 * 128}, Cost: 5}, {Model: "lengths", Usage: chatconnect.Usage{InputTokens: 3 * 2}, Cost: 5},
	}, b.memory.spent, "cached texts count too, and each call at once")
	b.memory.budget.Used = 399
	b.memory.mu.Unlock()
	require.Equal(t, 2*130, b.refused.embedded, "what the provider was paid")

	b.embedder.calls = nil
	server.post("/embed", object{"texts": texts}).problem(t, 403, "budget_exhausted")
	require.Equal(t, []int{128}, b.embedder.calls, "the call that used the rest is the last")
	server.post("/embed", object{"texts": []string{"x"}}).problem(t, 403, "budget_exhausted")
	require.Equal(t, []int{128}, b.embedder.calls)
	require.Equal(t, 200, b.browser().with("X-Internal-Secret", "internal secret").post("/embed", object{"texts": []string{"x"}}).StatusCode, "the operator has no budget")
	require.Len(t, b.memory.spent, 3)
}

// TestLeavingEarlyIsNotFree: the call under way is answered and counted.
func TestLeavingEarlyIsNotFree(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, _ := b.tenant("a@example.com")
	server := b.browser().with("X-Api-Key", owner.secretKey(client))
	ctx, leave := context.WithCancel(t.Context())
	asked, answer := make(chan struct{}), make(chan struct{})
	b.embedder.during = func() { close(asked); <-answer }
	gone := make(chan error, 1)
	go func() {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, b.http.URL+"/embed", strings.NewReader(`{"texts":["a"]}`))
		if err == nil {
			r.Header = server.header.Clone()
			r.Header.Set("Content-Type", "application/json")
			var res *http.Response
			if res, err = http.DefaultClient.Do(r); err == nil {
				res.Body.Close()
			}
		}
		gone <- err
	}()
	<-asked
	leave()
	require.Error(t, <-gone)
	close(answer)
	require.Eventually(t, func() bool {
		b.memory.mu.Lock()
		defer b.memory.mu.Unlock()
		return len(b.memory.spent) == 1
	}, time.Minute, time.Millisecond)
}

// TestEmbedMemoryIsShared: a body takes its memory as soon as it is announced,
// no client gets more than its share, and a full process says so.
func TestEmbedMemoryIsShared(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, _ := b.tenant("a@example.com")
	greedy := b.browser().with("X-Api-Key", owner.secretKey(client))
	other, otherClient, _ := b.tenant("b@example.com")
	modest := b.browser().with("X-Api-Key", other.secretKey(otherClient))
	small := object{"texts": []string{"x"}}

	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(b.http.URL, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "POST /embed HTTP/1.1\r\nHost: x\r\nX-Api-Key: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n{",
		greedy.header.Get("X-Api-Key"), 12<<20)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return b.server.EmbedMemory(client) == 14<<20 }, time.Minute, time.Millisecond)
	require.NoError(t, conn.Close())
	require.Eventually(t, func() bool { return b.server.EmbedMemory(client) == 0 }, time.Minute, time.Millisecond)

	var releases []func()
	take := func(who chatconnect.ClientID, times int) {
		for range times {
			release, err := b.server.TakeEmbedMemory(t.Context(), who, 8<<20)
			require.NoError(t, err)
			releases = append(releases, release)
		}
	}
	take(client, 3) // 30 of 32 MiB
	r := greedy.post("/embed", small)
	r.problem(t, 429, "too_many_embeds")
	require.NotEmpty(t, r.Header.Get("Retry-After"))
	require.Equal(t, 200, modest.post("/embed", small).StatusCode, "others are served")

	take("", 3) // 60 of 64 MiB
	large := object{"texts": []string{"x"}, "ignored": strings.Repeat("x", 3<<20)}
	r = modest.post("/embed", large)
	r.problem(t, 503, "embed_busy")
	require.NotEmpty(t, r.Header.Get("Retry-After"))
	for _, release := range releases {
		release()
		release() // once only
	}
	require.Equal(t, 200, modest.post("/embed", large).StatusCode)
	require.Equal(t, 200, greedy.post("/embed", small).StatusCode)
	require.Zero(t, b.server.EmbedMemory(client))
	require.Zero(t, b.server.EmbedMemory(""))
}
