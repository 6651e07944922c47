package llm

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/bench/fakemodel"
	"github.com/chatconnect/chatconnect/language/replies"
)

func (f fake) options() Options {
	return Options{OpenAIKey: "o", OpenAIBaseURL: f.url + "/v1", AnthropicKey: "a", AnthropicBaseURL: f.url}
}

// asked lists the models of the requests so far.
func (f fake) asked(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, request := range f.Requests() {
		var body struct{ Model string }
		require.NoError(t, json.Unmarshal(request.Body, &body))
		names = append(names, body.Model)
	}
	return names
}

func TestAClientsOwnModel(t *testing.T) {
	t.Parallel()
	f := newFake(t, fakemodel.Knobs{})
	o := f.options()
	o.AllowedModels, o.FallbackModel = []string{"gpt-4.1", " claude-haiku-4-5", ""}, "gpt-4.1-nano"
	require.Equal(t, []string{"claude-haiku-4-5", "gpt-4.1"}, AllowedModels(o))
	m, _, err := NewModel(o)
	require.NoError(t, err)
	for wish, want := range map[string]string{
		"": "gpt-4o-mini", "gpt-4.1": "gpt-4.1", "claude-haiku-4-5": "claude-haiku-4-5",
		"gpt-5-pro": "gpt-4o-mini", "gpt-4.1-nano": "gpt-4o-mini", "claude-sonnet-4-5": "gpt-4o-mini",
	} {
		prompt := shoes
		prompt.Model = wish
		got, err := m.Generate(timeout(t), prompt, collect(new([]string)))
		require.NoError(t, err)
		require.Equal(t, want, got.Model, wish)
		require.Positive(t, got.Cost)
	}
	require.Equal(t, []string{"gpt-4o-mini"}, AllowedModels(f.options()), "the free tier's unless listed")
	require.Equal(t, []string{"claude-sonnet-4-5"}, PaidModels(f.options()))
	require.Empty(t, PaidModels(o))
	require.Empty(t, PaidModels(Options{}))
	require.Empty(t, PaidModels(Options{OpenAIKey: "o"}))
	require.Empty(t, AllowedModels(Options{}))
	require.Equal(t, []string{"gpt-4o-mini"}, AllowedModels(Options{OpenAIKey: "o"}))
}

// TestThePaidTiersModelIsNotForTheFree, however the name came into the client's
// settings, unless the operator lists it for everybody.
func TestThePaidTiersModelIsNotForTheFree(t *testing.T) {
	t.Parallel()
	f := newFake(t, fakemodel.Knobs{})
	listed := f.options()
	listed.AllowedModels = []string{"claude-sonnet-4-5"}
	for name, test := range map[string]struct {
		options Options
		tier    chatconnect.Tier
		wish    string
		want    string
	}{
		"free":         {f.options(), chatconnect.TierFree, "claude-sonnet-4-5", "gpt-4o-mini"},
		"paid":         {f.options(), chatconnect.TierPaid, "claude-sonnet-4-5", "claude-sonnet-4-5"},
		"paid to free": {f.options(), chatconnect.TierPaid, "gpt-4o-mini", "gpt-4o-mini"},
		"listed":       {listed, chatconnect.TierFree, "claude-sonnet-4-5", "claude-sonnet-4-5"},
	} {
		m, _, err := NewModel(test.options)
		require.NoError(t, err)
		prompt := shoes
		prompt.Model, prompt.Tier = test.wish, test.tier
		got, err := m.Generate(timeout(t), prompt, collect(new([]string)))
		require.NoError(t, err)
		require.Equal(t, test.want, got.Model, name)
	}
}

func TestAFallbackAnswersWhenTheModelIsDown(t *testing.T) {
	t.Parallel()
	fault := func(kind string, after int) fakemodel.Knobs {
		return fakemodel.Knobs{Faults: []fakemodel.Fault{{Kind: kind, AfterTokens: after, Endpoint: fakemodel.EndpointChat}}}
	}
	for _, tt := range []struct {
		name    string
		knobs   fakemodel.Knobs
		attempt int
		asked   []string
		model   string // "" if it fails
	}{
		{"all is well", fakemodel.Knobs{}, 1, []string{"gpt-4o-mini"}, "gpt-4o-mini"},
		{"down", fault(fakemodel.FaultServerError, 0), 1, []string{"gpt-4o-mini", "claude-haiku-4-5"}, "claude-haiku-4-5"},
		{"rate limited", fault(fakemodel.FaultRateLimit, 0), 1, []string{"gpt-4o-mini", "claude-haiku-4-5"}, "claude-haiku-4-5"},
		{"broken off in mid-answer", fault(fakemodel.FaultCut, 3), 1, []string{"gpt-4o-mini"}, ""},
		{"again and again", fault(fakemodel.FaultCut, 3), 3, []string{"claude-haiku-4-5"}, "claude-haiku-4-5"},
		{"too long for any model", fault(fakemodel.FaultContext, 0), 1, []string{"gpt-4o-mini"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, tt.knobs)
			o := f.options()
			o.FallbackModel = "claude-haiku-4-5"
			m, notice, err := NewModel(o)
			require.NoError(t, err)
			require.Contains(t, notice, "claude-haiku-4-5 (Anthropic) when that is down")
			prompt := shoes
			prompt.Attempt = tt.attempt
			got, err := m.Generate(timeout(t), prompt, collect(new([]string)))
			require.Equal(t, tt.model == "", err != nil, err)
			require.Equal(t, tt.asked, f.asked(t))
			if tt.model != "" {
				require.Equal(t, tt.model, got.Model)
			}
		})
	}
	_, _, err := NewModel(Options{OpenAIKey: "o", FallbackModel: "claude-haiku-4-5"})
	require.ErrorContains(t, err, "FALLBACK_MODEL")
}

// What the first model took counts, though another had to answer.
func TestAnEmptyAnswerCountsWithTheFallbacks(t *testing.T) {
	t.Parallel()
	f := newFake(t, fakemodel.Knobs{})
	o := f.options()
	o.OpenAIBaseURL = sse(t, openaiSSE("", `"stop"`)).url
	m, _, err := NewModel(o)
	require.NoError(t, err)
	first, err := m.Generate(timeout(t), shoes, collect(new([]string)))
	require.Error(t, err)
	require.Positive(t, first.Usage.InputTokens)
	o.FallbackModel = "claude-haiku-4-5"
	m, _, err = NewModel(o)
	require.NoError(t, err)
	both, err := m.Generate(timeout(t), shoes, collect(new([]string)))
	require.NoError(t, err)
	require.Equal(t, "claude-haiku-4-5", both.Model)
	prompt := shoes
	prompt.Attempt = tired // the other one first
	alone, err := m.Generate(timeout(t), prompt, collect(new([]string)))
	require.NoError(t, err)
	require.Equal(t, alone.Usage.InputTokens+first.Usage.InputTokens, both.Usage.InputTokens)
	require.Equal(t, alone.Cost+first.Cost, both.Cost)
}

func TestNothingFoundCostsNothing(t *testing.T) {
	t.Parallel()
	unrelated := []chatconnect.Passage{{DocumentID: "d", Content: "We ship with DHL.", Similarity: 0.01}}
	similar := []chatconnect.Passage{{DocumentID: "d", Content: "Wir liefern mit DHL.", Similarity: 0.4}}
	shared := []chatconnect.Passage{{DocumentID: "d", Content: "We ship penicillin.", Similarity: 0.01, Lexical: 2}}
	for _, tt := range []struct {
		name   string
		prompt chatconnect.Prompt
		asked  int
	}{
		{"no passages", chatconnect.Prompt{Question: "Wer hat Penicillin entdeckt?"}, 0},
		{"unrelated ones", chatconnect.Prompt{Question: "Who discovered penicillin?", Passages: unrelated}, 0},
		{"similar by meaning", chatconnect.Prompt{Question: "Who delivers?", Passages: similar}, 1},
		{"a shared word", chatconnect.Prompt{Question: "Who discovered penicillin?", Passages: shared}, 1},
		{"a greeting", chatconnect.Prompt{Question: "Hello!"}, 1},
		{"a conversation", chatconnect.Prompt{Question: "Summarise the conversation", History: []chatconnect.Turn{{Question: "a", Answer: "b"}}}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, fakemodel.Knobs{})
			m, _, err := NewModel(f.options())
			require.NoError(t, err)
			var tokens []string
			got, err := m.Generate(timeout(t), tt.prompt, collect(&tokens))
			require.NoError(t, err)
			require.Len(t, f.Requests(), tt.asked)
			if tt.asked == 0 {
				require.True(t, got.Unanswered)
				require.Empty(t, got.Model)
				require.Zero(t, got.Usage)
				require.Greater(t, len(tokens), 3, "it is streamed all the same")
				require.Equal(t, replies.Say(replies.NothingFound, localeOf(tt.prompt)), got.Text)
			}
		})
	}
}

func TestPrices(t *testing.T) {
	t.Parallel()
	own, err := ParsePrices(" gpt-4o-mini=1/0.5/2, llama3.3:70b=0/0 ,claude-x=4/8")
	require.NoError(t, err)
	for _, tt := range []struct {
		model  string
		prices Prices
		used   metered
		want   chatconnect.MicroUSD
	}{
		{"gpt-4o-mini", nil, metered{Usage: chatconnect.Usage{InputTokens: 2000, OutputTokens: 100, CachedTokens: 1000}}, 285},
		{"gpt-4o-mini-2024-07-18", nil, metered{Usage: chatconnect.Usage{OutputTokens: 100}}, 60},
		{"gpt-4o-mini", own, metered{Usage: chatconnect.Usage{InputTokens: 2000, OutputTokens: 100, CachedTokens: 1000}}, 1700},
		{"claude-sonnet-4-5-20250929", nil, metered{Usage: chatconnect.Usage{InputTokens: 3000, CachedTokens: 1000, OutputTokens: 10}, cacheWrites: 1000}, 3000 + 300 + 3750 + 150},
		{"claude-x", own, metered{Usage: chatconnect.Usage{InputTokens: 100}, cacheWrites: 100}, 500},
		{"llama3.3:70b", own, metered{Usage: chatconnect.Usage{InputTokens: 100}}, 0},
		{"gpt-4o-audio-preview", nil, metered{Usage: chatconnect.Usage{InputTokens: 100}}, 0},
		{"gpt-4.1-nano", nil, metered{Usage: chatconnect.Usage{InputTokens: 1}}, 1},
		{"gpt-4.1-nano", nil, metered{}, 0},
	} {
		require.Equal(t, tt.want, tt.prices.of(tt.model).of(tt.used), tt.model)
	}
	for _, bad := range []string{"gpt", "gpt=", "gpt=1", "gpt=a/b", "=1/2", "gpt=-1/2", "gpt=NaN/1", "gpt=1/2/3/4"} {
		_, err := ParsePrices(bad)
		require.ErrorContains(t, err, "MODEL_PRICES", bad)
	}
}

func TestFollowUpsAreRewritten(t *testing.T) {
	t.Parallel()
	trail := []chatconnect.Turn{{Question: "Is the Trail X waterproof?", Answer: "Yes [1]."}}
	rules, err := NewRewriter(Options{})
	require.NoError(t, err)
	for _, tt := range []struct {
		history        []chatconnect.Turn
		question, want string
	}{
		{nil, "And how much is that?", "And how much is that?"},
		{trail, "And how much is that?", "And how much is that? Trail X waterproof"},
		{trail, "What does it cost?", "What does it cost? Trail X waterproof"},
		{trail, "How much?", "How much? Trail X waterproof"},
		{trail, "What about returns?", "What about returns? Trail X waterproof"},
		{trail, "Und wie teuer ist dieser?", "Und wie teuer ist dieser? Trail X waterproof"},
		{trail, "Is the Trail X available in size 47 or is that too large?", "Is the Trail X available in size 47 or is that too large? waterproof"},
		{trail, "What is the return period for the shoes?", "What is the return period for the shoes?"},
		{trail, "Do you ship to Japan?", "Do you ship to Japan?"},
		{trail, "Thanks!", "Thanks!"},
		{append(trail[:1:1], chatconnect.Turn{Question: "And how much is that?", Answer: "129"}), "And in red?", "And in red? Trail X waterproof"},
		{append(trail[:1:1], chatconnect.Turn{Question: "Do you ship to Japan?", Answer: "No"}), "Why not that?", "Why not that? ship Japan"},
	} {
		got := rules.Rewrite(timeout(t), tt.history, tt.question)
		require.Equal(t, chatconnect.Rewritten{Text: tt.want}, got, tt.question)
	}
}

func TestAModelRewritesFollowUps(t *testing.T) {
	t.Parallel()
	history := []chatconnect.Turn{{Question: "Is the Trail X waterproof?", Answer: "Yes [1]."}}
	f := newFake(t, fakemodel.Knobs{Mode: fakemodel.ModeFixed, Text: "How much does the Trail X cost?\n"})
	r, err := newRewriter(f.options(), time.Minute) // a busy machine may take a while
	require.NoError(t, err)
	got := r.Rewrite(timeout(t), history, "And how much is that?")
	require.Equal(t, "How much does the Trail X cost?", got.Text)
	require.Positive(t, got.Usage.InputTokens)
	require.Positive(t, got.Cost)
	require.Equal(t, "gpt-4o-mini", got.Model, "it is booked under the model that was asked")
	require.Equal(t, []string{"gpt-4o-mini"}, f.asked(t))
	require.NotContains(t, string(f.Requests()[0].Body), "cache_control")

	require.Equal(t, "Do you ship to Japan?", r.Rewrite(timeout(t), history, "Do you ship to Japan?").Text)
	require.Len(t, f.Requests(), 1, "a question that stands alone asks nobody")

	for name, fault := range map[string]fakemodel.Fault{
		"down": {Kind: fakemodel.FaultServerError}, "silent": {Kind: fakemodel.FaultHang}, "cut": {Kind: fakemodel.FaultCut, AfterTokens: 1},
	} {
		require.NoError(t, f.Set(fakemodel.Knobs{Mode: fakemodel.ModeFixed, Text: "How much?", Faults: []fakemodel.Fault{fault}}))
		var r chatconnect.Rewriter = r
		if name == "silent" {
			r, err = NewRewriter(f.options())
			require.NoError(t, err)
		}
		before := time.Now()
		got := r.Rewrite(timeout(t), history, "And how much is that?")
		require.Equal(t, "And how much is that? Trail X waterproof", got.Text, name)
		require.Equal(t, name == "cut", got.Usage != chatconnect.Usage{}, "%s: what has begun is paid for", name)
		require.Less(t, time.Since(before), 30*time.Second)
	}
}
