package fakemodel_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/bench/fakemodel"
)

type client struct {
	*fakemodel.Server
	t   *testing.T
	url string
}

func start(t *testing.T, options ...fakemodel.Option) client {
	t.Helper()
	srv := fakemodel.New(options...)
	web := httptest.NewServer(srv)
	t.Cleanup(func() {
		srv.Close()
		web.Close()
	})
	return client{srv, t, web.URL}
}

// send returns the status, the header and the body.
func (c client) send(method, path, body string, header ...string) (int, http.Header, string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, strings.NewReader(body))
	require.NoError(c.t, err)
	req.Header.Set("Anthropic-Version", "2023-06-01")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(c.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(c.t, err)
	return resp.StatusCode, resp.Header, string(text)
}

const context1 = `Rules: [[no-answer]]. Example: <passage-KEY n=\"1\">shoes return example</passage-KEY>
<passage-00ff n=\"1\" document=\"a\">\nWe open at nine. A hostile </passage> tag.\n</passage-00ff>
<passage-00ff n=\"2\" document=\"b\">\nThe return period for shoes is 30 days. Books: 14 days.\n</passage-00ff>`

func chatBody(stream bool, context, question string) string {
	return `{"model":"gpt","stream":` + map[bool]string{true: "true", false: "false"}[stream] + `,"stream_options":{"include_usage":true},
		"messages":[{"role":"system","content":"` + strings.ReplaceAll(context, "\n", `\n`) + `"},{"role":"user","content":"` + question + `"}]}`
}

func messagesBody(stream bool, context, question string) string {
	return `{"model":"claude","max_tokens":100,"stream":` + map[bool]string{true: "true", false: "false"}[stream] + `,
		"system":"` + strings.ReplaceAll(context, "\n", `\n`) + `","messages":[{"role":"user","content":[{"type":"text","text":"` + question + `"}]}]}`
}

func TestOpenAIChat(t *testing.T) {
	t.Parallel()
	c := start(t)
	_, _, body := c.send("POST", "/v1/chat/completions", chatBody(false, context1, "What is the return period for shoes?"))
	var whole struct {
		Choices []struct {
			Message      struct{ Content string }
			FinishReason string `json:"finish_reason"`
		}
		Usage struct {
			PromptTokens     int `json:"prompt_tokens"`
			CompletionTokens int `json:"completion_tokens"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(body), &whole))
	require.Equal(t, "The return period for shoes is 30 days. [2]", whole.Choices[0].Message.Content)
	require.Equal(t, "stop", whole.Choices[0].FinishReason)
	require.Equal(t, 9, whole.Usage.CompletionTokens)
	require.Positive(t, whole.Usage.PromptTokens)

	_, header, body := c.send("POST", "/v1/chat/completions", chatBody(true, context1, "What is the return period for shoes?"))
	require.Equal(t, "text/event-stream; charset=utf-8", header.Get("Content-Type"))
	require.True(t, strings.HasSuffix(body, "data: [DONE]\n\n"))
	require.Contains(t, body, `"completion_tokens":9`)
	require.Contains(t, body, `"content":"30 "`)

	_, _, body = c.send("POST", "/v1/chat/completions", chatBody(false, context1, "Who was Napoleon?"))
	require.Contains(t, body, "[[no-answer]] The documents do not say")
}

func TestAnthropicMessages(t *testing.T) {
	t.Parallel()
	c := start(t)
	_, _, body := c.send("POST", "/v1/messages", messagesBody(false, context1, "When do you open?"))
	require.Contains(t, body, `"text":"We open at nine. [1]"`)
	_, _, body = c.send("POST", "/v1/messages", messagesBody(true, context1, "When do you open?"))
	var events []string
	for line := range strings.Lines(body) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "event: "); ok && (len(events) == 0 || events[len(events)-1] != name) {
			events = append(events, name)
		}
	}
	require.Equal(t, []string{"message_start", "content_block_start", "ping", "content_block_delta", "content_block_stop", "message_delta", "message_stop"}, events)

	status, _, body := c.send("POST", "/v1/messages", `{"model":"claude","messages":[{"role":"user","content":"x"}]}`)
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, body, "max_tokens")
}

func TestAnthropicCache(t *testing.T) {
	t.Parallel()
	c := start(t)
	ask := func(static, dynamic string) (input, created, read int) {
		static = strings.Repeat(static, 1000)
		system, err := json.Marshal([]any{
			map[string]any{"type": "text", "text": static, "cache_control": map[string]string{"type": "ephemeral"}},
			map[string]any{"type": "text", "text": dynamic},
		})
		require.NoError(t, err)
		_, _, body := c.send("POST", "/v1/messages", `{"model":"claude","max_tokens":9,"system":`+string(system)+`,"messages":[{"role":"user","content":"hi you"}]}`)
		var answer struct {
			Usage struct {
				Input   int `json:"input_tokens"`
				Created int `json:"cache_creation_input_tokens"`
				Read    int `json:"cache_read_input_tokens"`
			}
		}
		require.NoError(t, json.Unmarshal([]byte(body), &answer))
		return answer.Usage.Input, answer.Usage.Created, answer.Usage.Read
	}
	for _, tt := range []struct {
		static, dynamic      string
		input, created, read int
	}{
		{"12345678", "a", 3, 2000, 0},
		{"12345678", "bbbbb", 4, 0, 2000},
		{"87654321", "a", 3, 2000, 0},
		{"123", "a", 753, 0, 0}, // too short to be cached
		{"123", "a", 753, 0, 0},
	} {
		input, created, read := ask(tt.static, tt.dynamic)
		require.Equal(t, []int{tt.input, tt.created, tt.read}, []int{input, created, read})
	}
}

func TestEmbeddings(t *testing.T) {
	t.Parallel()
	c := start(t)
	_, _, body := c.send("POST", "/v1/embeddings", `{"model":"text-embedding-3-small","dimensions":32,"input":["return period for shoes","shoes: period of returns","opening hours"]}`)
	var got struct {
		Data []struct {
			Index     int
			Embedding []float32
		}
		Usage struct {
			Total int `json:"total_tokens"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(body), &got))
	require.Equal(t, 2, got.Data[0].Index, "in no order that a client may rely on")
	require.Len(t, got.Data[0].Embedding, 32)
	require.Equal(t, 6+6+4, got.Usage.Total)
	require.Greater(t, dot(got.Data[2].Embedding, got.Data[1].Embedding), dot(got.Data[2].Embedding, got.Data[0].Embedding))
	require.InDelta(t, 1, dot(got.Data[0].Embedding, got.Data[0].Embedding), 1e-6)

	_, _, body = c.send("POST", "/v1/embeddings", `{"model":"m","dimensions":4,"input":"shoes","encoding_format":"base64"}`)
	var packed struct{ Data []struct{ Embedding string } }
	require.NoError(t, json.Unmarshal([]byte(body), &packed))
	raw, err := base64.StdEncoding.DecodeString(packed.Data[0].Embedding)
	require.NoError(t, err)
	require.Len(t, raw, 16)

	require.Len(t, fakemodel.Vector("", 3), 3)
	status, _, _ := c.send("POST", "/v1/embeddings", `{"model":"m","input":[""]}`)
	require.Equal(t, http.StatusBadRequest, status)
}

func dot(a, b []float32) float64 {
	var sum float64
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	if math.IsNaN(sum) {
		panic("NaN")
	}
	return sum
}

func TestKnobsOverHTTP(t *testing.T) {
	t.Parallel()
	c := start(t)
	status, _, body := c.send("POST", "/knobs", `{"mode":"fixed","text":"one two","tokens":5,"ttft":"20ms","gap":10}`)
	require.Equal(t, http.StatusOK, status, body)
	begin := time.Now()
	_, _, body = c.send("POST", "/v1/chat/completions", chatBody(true, "", "x"))
	require.GreaterOrEqual(t, time.Since(begin), 60*time.Millisecond)
	require.Contains(t, body, `"content":" word5"`)
	require.NotContains(t, body, "word6")

	status, _, _ = c.send("POST", "/knobs", `{"gap":0}`)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, fakemodel.ModeFixed, c.Knobs().Mode, "knobs that are not named stay")
	require.Zero(t, c.Knobs().Gap)
	for _, bad := range []string{`{"mode":"odd"}`, `{"nosuch":1}`, `{"ttft":"soon"}`, `{"faults":[{"kind":"odd"}]}`, `{"faults":[{"kind":"status"}]}`, `not JSON`, `{"faults":[{"kind":"cut","endpoint":"x"}]}`, `{"faults":[{"kind":"cut","probability":2}]}`} {
		status, _, _ := c.send("POST", "/knobs", bad)
		require.Equal(t, http.StatusBadRequest, status, bad)
	}
	_, _, body = c.send("GET", "/knobs", "")
	require.Contains(t, body, `"ttft":"20ms"`)
}

func TestFaults(t *testing.T) {
	t.Parallel()
	c := start(t)
	knobs := func(faults string) {
		status, _, body := c.send("POST", "/knobs", `{"mode":"fixed","text":"a b c d e f","faults":[`+faults+`]}`)
		require.Equal(t, http.StatusOK, status, body)
	}
	chat := func() (int, http.Header, string) {
		return c.send("POST", "/v1/chat/completions", chatBody(true, "", "x"))
	}

	knobs(`{"kind":"rate_limit","count":2,"retryAfter":"1500ms","endpoint":"chat"}`)
	status, _, _ := c.send("POST", "/v1/messages", messagesBody(true, "s", "x"))
	require.Equal(t, http.StatusOK, status, "only chat is hit")
	for range 2 {
		status, header, _ := chat()
		require.Equal(t, http.StatusTooManyRequests, status)
		require.Equal(t, "2", header.Get("Retry-After"), "whole seconds, rounded up")
		require.Equal(t, "1500", header.Get("Retry-After-Ms"))
	}
	status, _, _ = chat()
	require.Equal(t, http.StatusOK, status, "the third is not")
	var struck []string
	for _, r := range c.Requests() {
		struck = append(struck, r.Fault)
	}
	require.Equal(t, []string{"", fakemodel.FaultRateLimit, fakemodel.FaultRateLimit, ""}, struck)

	knobs(`{"kind":"stream_error","afterTokens":2,"count":1},{"kind":"cut","afterTokens":3,"count":1}`)
	_, _, body := chat()
	require.Contains(t, body, `"content":"b "`)
	require.NotContains(t, body, `"content":"c "`)
	require.Contains(t, body, "overloaded_error")
	_, _, body = chat()
	require.Contains(t, body, `"content":"c "`)
	require.NotContains(t, body, "DONE")
	_, _, body = chat()
	require.Contains(t, body, "DONE")

	knobs(`{"kind":"server_error","for":"1h"}`)
	for range 3 {
		status, _, _ = chat()
		require.Equal(t, http.StatusInternalServerError, status)
	}
	knobs(`{"kind":"server_error","for":"1ns"}`)
	status, _, _ = chat()
	require.Equal(t, http.StatusOK, status)

	knobs(`{"kind":"status","status":503,"probability":0.5}`)
	failed := 0
	for range 60 {
		if status, _, _ = chat(); status == 503 {
			failed++
		}
	}
	require.Greater(t, failed, 10)
	require.Less(t, failed, 50)

	knobs("")
	status, _, _ = chat()
	require.Equal(t, http.StatusOK, status)
}

func TestAHangEndsWithTheClientOrTheServer(t *testing.T) {
	t.Parallel()
	for _, after := range []int{0, 2} {
		c := start(t, fakemodel.WithKnobs(fakemodel.Knobs{Faults: []fakemodel.Fault{{Kind: fakemodel.FaultHang, AfterTokens: after}}}))
		ctx, cancel := context.WithCancel(context.Background())
		c.OnRequest(func(fakemodel.Request) { cancel() })
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/v1/chat/completions", strings.NewReader(chatBody(true, context1, "shoes")))
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			require.NoError(t, resp.Body.Close())
		}
		require.ErrorIs(t, err, context.Canceled)
	}

	c := start(t, fakemodel.WithKnobs(fakemodel.Knobs{Faults: []fakemodel.Fault{{Kind: fakemodel.FaultHang}}}))
	c.OnRequest(func(fakemodel.Request) { c.Close() })
	resp, err := http.Post(c.url+"/v1/chat/completions", "application/json", strings.NewReader(chatBody(true, "", "x")))
	if err == nil {
		require.NoError(t, resp.Body.Close())
	}
	require.Error(t, err)
}

func TestAPauseEndsWhenKnobsAreSet(t *testing.T) {
	t.Parallel()
	paused := fakemodel.Knobs{Mode: fakemodel.ModeFixed, Text: "a b c", Faults: []fakemodel.Fault{{Kind: fakemodel.FaultPause, AfterTokens: 2}}}
	c := start(t, fakemodel.WithKnobs(paused))
	resp, err := http.Post(c.url+"/v1/chat/completions", "application/json", strings.NewReader(chatBody(true, "", "x")))
	require.NoError(t, err)
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	var read string
	for !strings.Contains(read, `"content":"b "`) {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		read += line
	}
	require.NotContains(t, read, `"content":"c"`)
	require.NoError(t, c.Set(fakemodel.Knobs{}))
	rest, err := io.ReadAll(lines)
	require.NoError(t, err)
	require.Contains(t, string(rest), `"content":"c"`, "it goes on with the same answer")
	require.Contains(t, string(rest), "[DONE]")

	paused.Faults[0].AfterTokens = 0
	require.NoError(t, c.Set(paused))
	c.OnRequest(func(fakemodel.Request) { _ = c.Set(fakemodel.Knobs{}) })
	_, _, body := c.send("POST", "/v1/embeddings", `{"model":"m","dimensions":4,"input":"shoes"}`)
	require.Contains(t, body, `"embedding"`)
}

func TestRequestsAreCaptured(t *testing.T) {
	t.Parallel()
	c := start(t, fakemodel.WithCapture(3))
	seen := make(chan fakemodel.Request, 10)
	remove := c.OnRequest(func(r fakemodel.Request) { seen <- r })
	before := time.Now()
	c.send("POST", "/v1/chat/completions", chatBody(true, "", "first"), "X-Test", "1")
	got := <-seen
	require.Equal(t, fakemodel.EndpointChat, got.Endpoint)
	require.WithinRange(t, got.Time, before, time.Now())
	require.Equal(t, "1", got.Header.Get("X-Test"))
	require.Contains(t, string(got.Body), "first")
	remove()

	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	waited := make(chan int, 1)
	go func() {
		all, err := c.WaitRequests(ctx, 3)
		if err != nil {
			all = nil
		}
		waited <- len(all)
	}()
	for range 4 {
		c.send("POST", "/v1/embeddings", `{"model":"m","input":"x"}`)
	}
	require.Equal(t, 3, <-waited)
	require.Empty(t, seen, "the hook is gone")

	_, _, body := c.send("GET", "/requests", "")
	var list []fakemodel.Request
	require.NoError(t, json.NewDecoder(bytes.NewReader([]byte(body))).Decode(&list))
	require.Len(t, list, 3, "only the newest are kept")
	require.Equal(t, 5, list[2].ID)
	status, _, _ := c.send("DELETE", "/requests", "")
	require.Equal(t, http.StatusNoContent, status)
	require.Empty(t, c.Requests())

	short, stop := context.WithTimeout(context.Background(), time.Millisecond)
	defer stop()
	_, err := c.WaitRequests(short, 1)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestAPIKey(t *testing.T) {
	t.Parallel()
	c := start(t, fakemodel.WithKnobs(fakemodel.Knobs{APIKey: "k"}))
	for header, want := range map[string]int{"Authorization: Bearer k": 200, "X-Api-Key: k": 200, "X-Api-Key: other": 401} {
		name, value, _ := strings.Cut(header, ": ")
		status, _, _ := c.send("POST", "/v1/messages", messagesBody(false, "s", "x"), name, value)
		require.Equal(t, want, status, header)
	}
}
