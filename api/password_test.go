package api

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
)

func TestPasswords(t *testing.T) {
	t.Parallel()
	p := newPasswordHasher()
	hash, err := p.hash(t.Context(), "cafe\u0301 au lait")
	require.NoError(t, err)
	for password, want := range map[string]bool{"café au lait": true, "cafe\u0301 au lait": true, "cafe au lait": false, "": false} {
		match, err := p.matches(t.Context(), password, hash)
		require.NoError(t, err)
		require.Equal(t, want, match, "%q", password)
	}
	match, err := p.matches(t.Context(), "anything", "")
	require.NoError(t, err)
	require.False(t, match, "no account, no match")
}

func TestPasswordsTakeTurns(t *testing.T) {
	t.Parallel()
	p := newPasswordHasher()
	for range cap(p.slots) {
		_, err := p.turn(t.Context())
		require.NoError(t, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := p.matches(ctx, "x", "")
	require.Equal(t, "busy", chatconnect.AsError(err).Code)
	<-p.slots
	_, err = p.matches(t.Context(), "x", "")
	require.NoError(t, err)
}
