package chatconnect_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
)

func TestWhatAnExchangeSpentIsToldByModel(t *testing.T) {
	t.Parallel()
	const small, large = "gpt-4o-mini", "claude-sonnet-4-5"
	rewriting := chatconnect.Completion{Model: small, Usage: chatconnect.Usage{InputTokens: 90, OutputTokens: 10, CachedTokens: 1}, Cost: 7}
	all := chatconnect.Usage{InputTokens: 1090, OutputTokens: 210, CachedTokens: 601}
	rest := chatconnect.Completion{Model: large, Usage: chatconnect.Usage{InputTokens: 1000, OutputTokens: 200, CachedTokens: 600}, Cost: 993}
	for name, tt := range map[string]struct {
		log  chatconnect.ChatLog
		want []chatconnect.Completion
	}{
		"another model": {
			chatconnect.ChatLog{Model: large, Answer: chatconnect.Answer{Usage: all}, Cost: 1000, Rewriting: rewriting},
			[]chatconnect.Completion{rest, rewriting},
		},
		"the same model": {
			chatconnect.ChatLog{Model: small, Answer: chatconnect.Answer{Usage: all}, Cost: 1000, Rewriting: rewriting},
			[]chatconnect.Completion{{Model: small, Usage: all, Cost: 1000}},
		},
		"rewritten by rules": {
			chatconnect.ChatLog{Model: large, Answer: chatconnect.Answer{Usage: all}, Cost: 1000},
			[]chatconnect.Completion{{Model: large, Usage: all, Cost: 1000}},
		},
		"answered by nobody": {
			chatconnect.ChatLog{Answer: chatconnect.Answer{Usage: rewriting.Usage}, Cost: 7, Rewriting: rewriting},
			[]chatconnect.Completion{rewriting},
		},
		"nothing": {chatconnect.ChatLog{}, []chatconnect.Completion{}},
	} {
		require.Equal(t, tt.want, tt.log.Spent(), name)
	}
}
