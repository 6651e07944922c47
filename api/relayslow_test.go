package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/temporal"
)

// TestRelayIsSlow: a relay that has recorded the end and did not deliver it
// within the grace is believed all the same.
func TestRelayIsSlow(t *testing.T) {
	t.Parallel()
	c := setupChat(t, nil)
	c.publish(token(1, "a"))
	s := c.visitor.open("POST", "/chat/stream", question("Hi"))
	r := <-c.started
	e, err := s.next()
	require.NoError(t, err)
	require.Equal(t, "a", e.text())
	c.relay.setSlow()
	c.publish(token(2, "b"), done(3))
	r.finish(result42(temporal.ChatInput{}))
	names, text := s.rest()
	require.Equal(t, []string{"token", "done"}, names)
	require.Equal(t, "b", text)
}
