package llm

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/bench/fakemodel"
)

// fake is a fake provider and the models behind it.
type fake struct {
	*fakemodel.Server
	url string
}

func newFake(t *testing.T, knobs fakemodel.Knobs) fake {
	t.Helper()
	srv := fakemodel.New(fakemodel.WithKnobs(knobs))
	web := httptest.NewServer(srv)
	t.Cleanup(func() {
		srv.Close()
		web.CloseClientConnections()
		web.Close()
	})
	return fake{srv, web.URL}
}

// providers are the two wire forms; every test of streaming runs on both.
var providers = []string{"openai", "anthropic"}

func (f fake) model(t *testing.T, provider string, timeouts Timeouts) *chatModel {
	t.Helper()
	doer := NewDoer(timeouts)
	t.Cleanup(doer.CloseIdleConnections)
	var m *chatModel
	var err error
	if provider == "openai" {
		m, err = newOpenAI("sk-test", f.url+"/v1", "gpt-4o-mini", 1024, doer)
	} else {
		m, err = newAnthropic("sk-ant-test", f.url, "claude-sonnet-4-5", 1024, doer)
	}
	require.NoError(t, err)
	return m
}

func eachProvider(t *testing.T, test func(t *testing.T, provider string)) {
	t.Helper()
	for _, provider := range providers {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			test(t, provider)
		})
	}
}

var shoes = chatconnect.Prompt{Question: "What is the return period for shoes?", Passages: shop}

// collect keeps the tokens.
func collect(tokens *[]string) func(context.Context, string) error {
	return func(_ context.Context, text string) error {
		*tokens = append(*tokens, text)
		return nil
	}
}

func timeout(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestGenerateStreamsACitedAnswer(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, provider string) {
		f := newFake(t, fakemodel.Knobs{})
		var tokens []string
		got, err := f.model(t, provider, Timeouts{}).Generate(timeout(t), shoes, collect(&tokens))
		require.NoError(t, err)
		require.Greater(t, len(tokens), 5, "it streams")
		require.Equal(t, got.Text, strings.Join(tokens, ""))
		require.Contains(t, got.Text, "The return period for shoes is 30 days")
		require.Contains(t, got.Text, "[2]")
		require.False(t, got.Unanswered)
		require.Equal(t, provider, got.Provider)
		require.Greater(t, got.Usage.InputTokens, 1000)
		require.Equal(t, len(strings.SplitAfter(got.Text, " ")), got.Usage.OutputTokens)
		require.Zero(t, got.Usage.CachedTokens)
		sources := chatconnect.Cited(got.Text, shop)
		require.Len(t, sources, 1)
		require.Equal(t, "returns.pdf", sources[0].Name)
	})
}

func TestTheSecondCallReadsTheCache(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, provider string) {
		f := newFake(t, fakemodel.Knobs{}) // with the providers' real minimum of 1,024 tokens
		m := f.model(t, provider, Timeouts{})
		var tokens []string
		first, err := m.Generate(timeout(t), shoes, collect(&tokens))
		require.NoError(t, err)
		other := chatconnect.Prompt{Question: "Where is the showroom?", Passages: shop[3:]}
		second, err := m.Generate(timeout(t), other, collect(&tokens))
		require.NoError(t, err)
		require.Zero(t, first.Usage.CachedTokens)
		require.GreaterOrEqual(t, second.Usage.CachedTokens, 1024)
		require.Less(t, second.Usage.CachedTokens, second.Usage.InputTokens)
	})
}

func TestAnthropicWire(t *testing.T) {
	t.Parallel()
	f := newFake(t, fakemodel.Knobs{})
	prompt := shoes
	prompt.System = "Be brief."
	prompt.History = []chatconnect.Turn{{Question: "Hi", Answer: "Hello [1]."}, {Question: "failed", Answer: ""}}
	_, err := f.model(t, "anthropic", Timeouts{}).Generate(timeout(t), prompt, collect(new([]string)))
	require.NoError(t, err)
	requests := f.Requests()
	require.Len(t, requests, 1)
	require.Equal(t, "/v1/messages", requests[0].Path)
	require.Equal(t, "sk-ant-test", requests[0].Header.Get("X-Api-Key"))
	var body struct {
		Model     string `json:"model"`
		Stream    bool   `json:"stream"`
		MaxTokens int    `json:"max_tokens"`
		System    []struct {
			Type, Text   string
			CacheControl map[string]string `json:"cache_control"`
		} `json:"system"`
		Messages []struct {
			Role    string
			Content []struct {
				Text         string
				CacheControl any `json:"cache_control"`
			}
		} `json:"messages"`
	}
	require.NoError(t, json.Unmarshal(requests[0].Body, &body))
	require.Equal(t, "claude-sonnet-4-5", body.Model)
	require.True(t, body.Stream)
	require.Equal(t, 1024, body.MaxTokens)
	require.Len(t, body.System, 2)
	require.Equal(t, map[string]string{"type": "ephemeral"}, body.System[0].CacheControl)
	require.Contains(t, body.System[0].Text, "Be brief.")
	require.NotContains(t, body.System[0].Text, "worn outdoors.\n", "the static block has none of the passages")
	require.Nil(t, body.System[1].CacheControl)
	require.Contains(t, body.System[1].Text, "The return period for shoes is 30 days")
	require.Len(t, body.Messages, 3)
	require.Equal(t, "Hello.", body.Messages[1].Content[0].Text, "old citations are gone")
	require.Equal(t, "user", body.Messages[2].Role)
	require.Equal(t, shoes.Question, body.Messages[2].Content[0].Text)
	require.Nil(t, body.Messages[2].Content[0].CacheControl)
}

// A mark on a text too short for the model's cache would be of no use.
func TestOnlyWhatCanBeCachedIsMarked(t *testing.T) {
	t.Parallel()
	f := newFake(t, fakemodel.Knobs{})
	for model, marks := range map[string]int{"claude-sonnet-4-5": 1, "claude-opus-4-1": 1, "claude-haiku-4-5": 0, "claude-opus-4-5": 0, "claude-3-5-haiku-latest": 0} {
		m, err := newAnthropic("k", f.url, model, 100, NewDoer(Timeouts{}))
		require.NoError(t, err)
		f.ClearRequests()
		got, err := m.Generate(timeout(t), shoes, collect(new([]string)))
		require.NoError(t, err)
		require.Contains(t, got.Text, "30 days", model)
		require.Equal(t, marks, strings.Count(string(f.Requests()[0].Body), `"cache_control"`), model)
	}
}

func TestOpenAIWire(t *testing.T) {
	t.Parallel()
	f := newFake(t, fakemodel.Knobs{})
	prompt := shoes
	prompt.History = []chatconnect.Turn{{Question: "Hi", Answer: "Hello [1]."}}
	_, err := f.model(t, "openai", Timeouts{}).Generate(timeout(t), prompt, collect(new([]string)))
	require.NoError(t, err)
	requests := f.Requests()
	require.Len(t, requests, 1)
	require.Equal(t, "/v1/chat/completions", requests[0].Path)
	require.Equal(t, "Bearer sk-test", requests[0].Header.Get("Authorization"))
	var body struct {
		Model         string          `json:"model"`
		Stream        bool            `json:"stream"`
		StreamOptions map[string]bool `json:"stream_options"`
		MaxTokens     int             `json:"max_completion_tokens"`
		Messages      []struct{ Role, Content string }
	}
	require.NoError(t, json.Unmarshal(requests[0].Body, &body))
	require.True(t, body.Stream)
	require.Equal(t, map[string]bool{"include_usage": true}, body.StreamOptions)
	require.Equal(t, 1024, body.MaxTokens)
	require.Len(t, body.Messages, 4)
	require.Equal(t, "system", body.Messages[0].Role)
	require.Equal(t, rules, body.Messages[0].Content)
	require.Contains(t, body.Messages[3].Content, "The return period for shoes is 30 days")
	require.True(t, strings.HasSuffix(body.Messages[3].Content, "\nQuestion: "+shoes.Question))
}

func TestFaultsBecomeTypedErrors(t *testing.T) {
	t.Parallel()
	short := Timeouts{ResponseHeader: 100 * time.Millisecond, Idle: 100 * time.Millisecond}
	for _, tt := range []struct {
		name       string
		fault      fakemodel.Fault
		kind       chatconnect.Kind
		code       string
		retryAfter time.Duration
		timeouts   Timeouts
	}{
		{"rate limit", fakemodel.Fault{Kind: fakemodel.FaultRateLimit, RetryAfter: fakemodel.Duration(7 * time.Second)}, chatconnect.KindRateLimited, CodeRateLimited, 7 * time.Second, Timeouts{}},
		{"rate limit without time", fakemodel.Fault{Kind: fakemodel.FaultRateLimit}, chatconnect.KindRateLimited, CodeRateLimited, 0, Timeouts{}},
		{"500", fakemodel.Fault{Kind: fakemodel.FaultServerError}, chatconnect.KindUnavailable, CodeUnavailable, 0, Timeouts{}},
		{"529", fakemodel.Fault{Kind: fakemodel.FaultStatus, Status: 529, RetryAfter: fakemodel.Duration(2 * time.Second)}, chatconnect.KindUnavailable, CodeUnavailable, 2 * time.Second, Timeouts{}},
		{"401", fakemodel.Fault{Kind: fakemodel.FaultStatus, Status: 401}, chatconnect.KindInternal, CodeCredentialsInvalid, 0, Timeouts{}},
		{"403", fakemodel.Fault{Kind: fakemodel.FaultStatus, Status: 403}, chatconnect.KindInternal, CodeCredentialsInvalid, 0, Timeouts{}},
		{"404", fakemodel.Fault{Kind: fakemodel.FaultStatus, Status: 404}, chatconnect.KindInternal, CodeNotFound, 0, Timeouts{}},
		{"400", fakemodel.Fault{Kind: fakemodel.FaultStatus, Status: 400}, chatconnect.KindInternal, CodeRejected, 0, Timeouts{}},
		{"redirect", fakemodel.Fault{Kind: fakemodel.FaultStatus, Status: 307}, chatconnect.KindInternal, CodeRejected, 0, Timeouts{}},
		{"context length", fakemodel.Fault{Kind: fakemodel.FaultContext}, chatconnect.KindTooLarge, CodeContextTooLong, 0, Timeouts{}},
		{"error in the stream", fakemodel.Fault{Kind: fakemodel.FaultStreamError, AfterTokens: 3}, chatconnect.KindUnavailable, CodeUnavailable, 0, Timeouts{}},
		{"stream cut", fakemodel.Fault{Kind: fakemodel.FaultCut, AfterTokens: 3}, chatconnect.KindUnavailable, CodeUnavailable, 0, Timeouts{}},
		{"stream cut before the first token", fakemodel.Fault{Kind: fakemodel.FaultCut}, chatconnect.KindUnavailable, CodeUnavailable, 0, Timeouts{}},
		{"stream cut after the last token", fakemodel.Fault{Kind: fakemodel.FaultCut, AfterTokens: 1000}, chatconnect.KindUnavailable, CodeUnavailable, 0, Timeouts{}},
		{"connection broken", fakemodel.Fault{Kind: fakemodel.FaultCut, AfterTokens: 3, Abrupt: true}, chatconnect.KindUnavailable, CodeUnavailable, 0, Timeouts{}},
		{"hang before the headers", fakemodel.Fault{Kind: fakemodel.FaultHang}, chatconnect.KindUnavailable, CodeUnavailable, 0, short},
		{"hang in the stream", fakemodel.Fault{Kind: fakemodel.FaultHang, AfterTokens: 3}, chatconnect.KindUnavailable, CodeUnavailable, 0, short},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			eachProvider(t, func(t *testing.T, provider string) {
				fault := tt.fault
				fault.Count = 1
				f := newFake(t, fakemodel.Knobs{Faults: []fakemodel.Fault{fault}})
				m := f.model(t, provider, tt.timeouts)
				var tokens []string
				spent, err := m.Generate(timeout(t), shoes, collect(&tokens))
				requireError(t, err, tt.kind, tt.code)
				require.Equal(t, strings.Join(tokens, ""), spent.Text)
				require.Equal(t, len(tokens) > 0, spent.Usage.InputTokens > 1000 && spent.Usage.OutputTokens > 0, "what was begun is paid for: %+v", spent)
				require.Equal(t, tt.retryAfter, chatconnect.AsError(err).RetryAfter)

				// The next call is whole again: nothing is left behind. The fault is
				// taken back, as the server may not have come to it before our timeout.
				require.NoError(t, f.Set(fakemodel.Knobs{}))
				got, err := f.model(t, provider, Timeouts{}).Generate(timeout(t), shoes, collect(new([]string)))
				require.NoError(t, err)
				require.Contains(t, got.Text, "30 days")
			})
		})
	}
}

func requireError(t *testing.T, err error, kind chatconnect.Kind, code string) {
	t.Helper()
	var e *chatconnect.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, kind, e.Kind, err)
	require.Equal(t, code, e.Code, err)
	require.NotContains(t, e.Message, "Secret provider text", "visitors read it")
	require.NotContains(t, err.Error(), "sk-test")
	require.NotErrorIs(t, err, context.DeadlineExceeded, "the caller's context has not ended")
	require.NotErrorIs(t, err, context.Canceled)
}

func TestAnUnreachableProvider(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, provider string) {
		web := httptest.NewServer(http.NotFoundHandler())
		web.Close()
		_, err := fake{url: web.URL}.model(t, provider, Timeouts{}).Generate(timeout(t), shoes, collect(new([]string)))
		requireError(t, err, chatconnect.KindUnavailable, CodeUnavailable)
	})
}

func TestAFailingTokenFunctionStopsTheCall(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, provider string) {
		f := newFake(t, fakemodel.Knobs{Tokens: 500})
		calls := 0
		_, err := f.model(t, provider, Timeouts{}).Generate(timeout(t), shoes, func(context.Context, string) error {
			calls++
			return chatconnect.ErrRelayFenced
		})
		require.ErrorIs(t, err, chatconnect.ErrRelayFenced)
		require.Equal(t, 1, calls)
	})
}

func TestTheMarkerNeverGetsOut(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, reply, want string
		unanswered        bool
	}{
		{"at the start", "[[no-answer]] The documents do not say.", "The documents do not say.", true},
		{"after a line", "\n [[no-answer]]\nNot there.", "Not there.", true},
		{"alone", "[[no-answer]]", "I'm sorry, I could not find anything about that in the documents.", true},
		{"within, cited", "It is red [1]. [[no-answer]] Bye.", "It is red [1]. Bye.", false},
		{"a look-alike", "[[no-answers are rare", "[[no-answers are rare", false},
		{"only its beginning", "[[no-ans", "[[no-ans", false},
		{"none", "Ja – schön [2].", "Ja – schön [2].", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			eachProvider(t, func(t *testing.T, provider string) {
				f := newFake(t, fakemodel.Knobs{Mode: fakemodel.ModeFixed, Text: tt.reply})
				var tokens []string
				got, err := f.model(t, provider, Timeouts{}).Generate(timeout(t), shoes, collect(&tokens))
				require.NoError(t, err)
				require.Equal(t, tt.want, got.Text)
				require.Equal(t, tt.want, strings.Join(tokens, ""))
				require.Equal(t, tt.unanswered, got.Unanswered)
			})
		})
	}
}

func TestAnUnansweredQuestionOnBothProviders(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, provider string) {
		f := newFake(t, fakemodel.Knobs{})
		prompt := chatconnect.Prompt{Question: "Who discovered penicillin?", Passages: shop}
		got, err := f.model(t, provider, Timeouts{}).Generate(timeout(t), prompt, collect(new([]string)))
		require.NoError(t, err)
		require.True(t, got.Unanswered)
		require.NotContains(t, got.Text, "[")
	})
}

// sse answers every request with the same bytes.
func sse(t *testing.T, body string) fake {
	t.Helper()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(web.Close)
	return fake{url: web.URL}
}

func openaiSSE(content, finish string) string {
	delta, _ := json.Marshal(map[string]string{"content": content})
	return ": comment\r\n\r\nid: 1\ndata: {\"choices\":[{\"index\":0,\"delta\":" + string(delta) + ",\"finish_reason\":null}],\"usage\":null}\n\n" +
		"data:\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":" + finish + "}]}\n\ndata: [DONE]\n\n"
}

func anthropicSSE(content, stop string) string {
	text, _ := json.Marshal(content)
	return `event: message_start
data: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"c","content":[],"usage":{"input_tokens":5,"output_tokens":1}}}

data: {"type":"some_new_event"}

data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":` + string(text) + `}}

data: {"type":"content_block_stop","index":0}

data: {"type":"message_delta","delta":{"stop_reason":` + stop + `},"usage":{"output_tokens":9}}

data: {"type":"message_stop"}

`
}

func providerSSE(provider, content, stop string) string {
	if provider == "openai" {
		return openaiSSE(content, stop)
	}
	return anthropicSSE(content, stop)
}

func TestALongLineIsNoProblem(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, provider string) {
		long := strings.Repeat("Grüße \"世界\" <&>\u2028 ", 12_000) // far over 64 KB as JSON
		got, err := sse(t, providerSSE(provider, long, `"stop"`)).model(t, provider, Timeouts{}).
			Generate(timeout(t), shoes, collect(new([]string)))
		require.NoError(t, err)
		require.Equal(t, long, got.Text)
		require.Positive(t, got.Usage.InputTokens, "counted or estimated")
	})
}

func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, content, stop string
		kind                chatconnect.Kind
		code                string
	}{
		{"no stop reason", "half an ans", "null", chatconnect.KindUnavailable, CodeUnavailable},
		{"empty", "", `"stop"`, chatconnect.KindUnavailable, CodeUnavailable},
		{"filtered", "I", `"content_filter"`, chatconnect.KindInvalid, CodeRefused},
		{"refused", "I", `"refusal"`, chatconnect.KindInvalid, CodeRefused},
		{"refused without a word", "", `"refusal"`, chatconnect.KindInvalid, CodeRefused},
		{"all tokens went into thinking", "", `"length"`, chatconnect.KindInternal, CodeRejected},
		{"all tokens went into thinking, elsewhere", "", `"max_tokens"`, chatconnect.KindInternal, CodeRejected},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			eachProvider(t, func(t *testing.T, provider string) {
				got, err := sse(t, providerSSE(provider, tt.content, tt.stop)).model(t, provider, Timeouts{}).
					Generate(timeout(t), shoes, collect(new([]string)))
				requireError(t, err, tt.kind, tt.code)
				require.Positive(t, got.Usage.InputTokens, "it is paid for all the same")
			})
		})
	}
}

func TestNoEventStreamAtAll(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "<html>captive portal</html>", "data: {broken\n\n", "data: [DONE]", `{"error":{"message":"x"}}`} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			eachProvider(t, func(t *testing.T, provider string) {
				_, err := sse(t, body).model(t, provider, Timeouts{}).Generate(timeout(t), shoes, collect(new([]string)))
				requireError(t, err, chatconnect.KindUnavailable, CodeUnavailable)
			})
		})
	}
}
