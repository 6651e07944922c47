package llm

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/bench/fakemodel"
)

func TestTheTierChoosesTheModel(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		options    Options
		free, paid string // provider/model
		describes  string
	}{
		{"no key", Options{}, "extractive/extractive-v1", "extractive/extractive-v1", "extractive"},
		{"both keys", Options{OpenAIKey: "o", AnthropicKey: "a"}, "openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5", "gpt-4o-mini (OpenAI) on the free tier and claude-sonnet-4-5 (Anthropic) on the paid tier"},
		{"OpenAI only", Options{OpenAIKey: " o "}, "openai/gpt-4o-mini", "openai/gpt-4o-mini", "by gpt-4o-mini (OpenAI)."},
		{"Anthropic only", Options{AnthropicKey: "a"}, "anthropic/claude-sonnet-4-5", "anthropic/claude-sonnet-4-5", "by claude-sonnet-4-5 (Anthropic)."},
		{"two of OpenAI's", Options{OpenAIKey: "o", FreeModel: "gpt-4o-mini", PaidModel: "gpt-4o"}, "openai/gpt-4o-mini", "openai/gpt-4o", "gpt-4o (OpenAI) on the paid tier"},
		{"only Claude set up, only OpenAI's key", Options{OpenAIKey: "o", FreeModel: "claude-haiku-4-5", PaidModel: "claude-sonnet-4-5"}, "openai/gpt-4o-mini", "openai/gpt-4o-mini", "gpt-4o-mini"},
		{"other names", Options{OpenAIKey: "o", FreeModel: "llama3.3:70b", PaidModel: "mistral-large"}, "openai/llama3.3:70b", "openai/mistral-large", "llama3.3:70b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, fakemodel.Knobs{})
			tt.options.OpenAIBaseURL, tt.options.AnthropicBaseURL = f.url+"/v1", f.url+"/"
			m, description, err := NewModel(tt.options)
			require.NoError(t, err)
			require.Contains(t, description, tt.describes)
			for tier, want := range map[chatconnect.Tier]string{chatconnect.TierFree: tt.free, chatconnect.TierPaid: tt.paid} {
				f.ClearRequests()
				prompt := shoes
				prompt.Tier = tier
				got, err := m.Generate(timeout(t), prompt, collect(new([]string)))
				require.NoError(t, err)
				require.Equal(t, want, got.Provider+"/"+got.Model)
				require.Contains(t, got.Text, "30 days")
				if got.Provider != "extractive" {
					var body struct{ Model string }
					require.NoError(t, json.Unmarshal(f.Requests()[0].Body, &body))
					require.Equal(t, got.Model, body.Model)
				}
			}
		})
	}
}

func TestNewEmbedder(t *testing.T) {
	t.Parallel()
	e, description, err := NewEmbedder(Options{AnthropicKey: "a"})
	require.NoError(t, err)
	require.Equal(t, LocalEmbedModel, e.Model())
	require.Contains(t, description, "local")

	f := newFake(t, fakemodel.Knobs{})
	e, description, err = NewEmbedder(Options{OpenAIKey: "o", OpenAIBaseURL: f.url, EmbeddingDimensions: 256})
	require.NoError(t, err)
	require.Contains(t, description, "text-embedding-3-large (OpenAI) with 256 dimensions")
	got, err := e.Embed(timeout(t), "c", []string{"hello"})
	require.NoError(t, err)
	require.Len(t, got.Vectors[0], 256)
}

func TestBaseURLs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ raw, openai, anthropic string }{
		{"", "https://api.openai.com/v1", "https://api.anthropic.com/v1"},
		{"http://h:1", "http://h:1/v1", "http://h:1/v1"},
		{" http://h:1/ ", "http://h:1/v1", "http://h:1/v1"},
		{"http://h:1/v1/", "http://h:1/v1", "http://h:1/v1"},
		{"https://h/v1beta/openai/", "https://h/v1beta/openai", "https://h/v1beta/openai/v1"},
	} {
		got, err := openAIBaseURL(tt.raw)
		require.NoError(t, err)
		require.Equal(t, tt.openai, got)
		got, err = anthropicBaseURL(tt.raw)
		require.NoError(t, err)
		require.Equal(t, tt.anthropic, got)
	}
	for _, raw := range []string{"localhost:9090", "ftp://h/v1", "http://", "http://user:secret@h", "http://h?key=secret", "http://h:x/\x00secret"} {
		_, err := openAIBaseURL(raw)
		require.ErrorContains(t, err, "OPENAI_BASE_URL", raw)
		require.NotContains(t, err.Error(), "secret")
		_, _, err = NewModel(Options{AnthropicKey: "a", AnthropicBaseURL: raw})
		require.ErrorContains(t, err, "ANTHROPIC_BASE_URL", raw)
		_, _, err = NewEmbedder(Options{OpenAIKey: "a", OpenAIBaseURL: raw})
		require.Error(t, err)
	}
}
