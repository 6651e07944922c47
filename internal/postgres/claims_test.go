package postgres_test

import (
	"bytes"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
)

func TestSessionsAreClaimedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	request := func(n byte) []byte { return bytes.Repeat([]byte{n}, 32) }
	claim := func(client chatconnect.ClientID, session chatconnect.SessionID, request []byte, repeatable time.Duration) bool {
		t.Helper()
		held, err := b.store.ClaimSession(t.Context(), client, chatconnect.SessionClaim{SessionID: session, Request: request, Repeatable: repeatable})
		require.NoError(t, err)
		return held
	}
	other := b.newClient(b.newUser().ID).ID

	require.True(t, claim(b.client, "a", request(1), time.Hour))
	require.True(t, claim(b.client, "a", request(1), time.Hour), "the same request again")
	require.False(t, claim(b.client, "a", request(1), 0), "too late")
	require.False(t, claim(b.client, "a", request(2), time.Hour), "another's")
	require.False(t, claim(b.client, "a", nil, 0), "a visitor's is no server's")
	require.True(t, claim(other, "a", request(2), time.Hour), "another client's sessions are others")

	for range 2 {
		require.True(t, claim(b.client, "server", nil, 0))
	}
	require.False(t, claim(b.client, "server", request(1), time.Hour))

	// Logged, and without a claim: from before there were any.
	b.said("old", "m", "Q", time.Now(), nil)
	require.False(t, claim(b.client, "old", request(1), time.Hour))
	require.True(t, claim(b.client, "old", nil, 0))
	// The request that began a session is recognised after it was logged, too.
	b.said("a", "m", "Q", time.Now(), nil)
	require.True(t, claim(b.client, "a", request(1), time.Hour))
	require.False(t, claim(b.client, "a", request(2), time.Hour))

	// What is forgotten stays claimed: its token is still valid.
	for {
		forgotten, err := b.store.ForgetChats(t.Context(), b.client, time.Now().Add(time.Hour), 100)
		require.NoError(t, err)
		if forgotten == 0 {
			break
		}
	}
	require.False(t, claim(b.client, "a", request(2), time.Hour))
}

func TestOneOfManyClaimsASession(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var held atomic.Int32
	var wg sync.WaitGroup
	for n := range 50 {
		wg.Go(func() {
			won, err := b.store.ClaimSession(t.Context(), b.client, chatconnect.SessionClaim{
				SessionID: "a", Request: bytes.Repeat([]byte{byte(n)}, 32), Repeatable: time.Hour,
			})
			if err != nil {
				t.Error(err)
			}
			if won {
				held.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, held.Load())
}
