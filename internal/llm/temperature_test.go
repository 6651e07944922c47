package llm

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/bench/fakemodel"
)

// Answers are sampled with what is set up, as far as the model takes it.
func TestTemperature(t *testing.T) {
	t.Parallel()
	value := func(v float64) *float64 { return &v }
	for name, tt := range map[string]struct {
		set   *float64
		model string
		want  any // of the request's JSON; nil if it has none
	}{
		"as set":                     {value(0.7), "gpt-4o-mini", 0.7},
		"0 is a temperature":         {value(0), "gpt-4o-mini", 0.0},
		"Claude":                     {value(0.7), "claude-sonnet-4-5", 0.7},
		"Claude takes at most 1":     {value(1.5), "claude-sonnet-4-5", 1.0},
		"the provider's own":         {nil, "gpt-4o-mini", nil},
		"Claude's own":               {nil, "claude-sonnet-4-5", nil},
		"a model that refuses one":   {value(0.7), "o4-mini", nil},
		"one that langchaingo knows": {value(0.7), "gpt-5-mini", nil},
		"one that sounds like it":    {value(0.7), "o1000", 0.7},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, fakemodel.Knobs{})
			o := f.options()
			o.FreeModel, o.Temperature = tt.model, tt.set
			m, _, err := NewModel(o)
			require.NoError(t, err)
			_, err = m.Generate(timeout(t), shoes, collect(new([]string)))
			require.NoError(t, err)
			requests := f.Requests()
			require.Len(t, requests, 1)
			var body map[string]any
			require.NoError(t, json.Unmarshal(requests[0].Body, &body))
			require.Equal(t, tt.want, body["temperature"])
			choice := Choice(o, chatconnect.TierFree, "")
			require.Equal(t, tt.model, choice.Model)
			if tt.want == nil {
				require.Nil(t, choice.Temperature)
			} else {
				require.InDelta(t, tt.want, *choice.Temperature, 0)
			}
		})
	}
}

// What to search for is rewritten the same way every time.
func TestFollowUpsAreRewrittenAtZero(t *testing.T) {
	t.Parallel()
	f := newFake(t, fakemodel.Knobs{})
	o := f.options()
	hot := 0.7
	o.Temperature = &hot
	r, err := NewRewriter(o)
	require.NoError(t, err)
	r.Rewrite(timeout(t), []chatconnect.Turn{{Question: "Do you sell boots?", Answer: "Yes."}}, "And how much are they?")
	var body map[string]any
	require.NoError(t, json.Unmarshal(f.Requests()[0].Body, &body))
	require.Zero(t, body["temperature"])
	require.Contains(t, body, "temperature")
}

func TestChoice(t *testing.T) {
	t.Parallel()
	o := Options{OpenAIKey: "o", AnthropicKey: "a", AllowedModels: []string{"gpt-4.1"}, FallbackModel: "gpt-4.1-nano"}
	for wish, want := range map[string]string{"": "gpt-4o-mini", "gpt-4.1": "gpt-4.1", "gpt-4.1-nano": "gpt-4o-mini", "gpt-9": "gpt-4o-mini"} {
		require.Equal(t, want, Choice(o, chatconnect.TierFree, wish).Model, wish)
	}
	require.Equal(t, chatconnect.ModelChoice{Provider: "anthropic", Model: "claude-sonnet-4-5"}, Choice(o, chatconnect.TierPaid, ""))
	require.Equal(t, chatconnect.ModelChoice{Provider: "extractive", Model: ExtractiveModel}, Choice(Options{}, chatconnect.TierPaid, "gpt-4.1"))
}
