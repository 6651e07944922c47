package e2e

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Of fifty callers who choose the same sessionId at once, one begins the
// session and is its owner from then on, whatever Redis forgets.
func TestAChosenSessionIsItsBeginners(t *testing.T) {
	t.Parallel()
	product := startProduct(t, "TRUSTED_PROXIES=127.0.0.1,::1")
	shop := newTenant(t, product.URL(), chatconnect.TierPaid)
	shop.learn(file{"shipping.txt", []byte("Shipping to Norway takes six days.")})
	question := map[string]any{"message": "How long does shipping to Norway take?", "sessionId": "chosen-" + uuid.NewString(), "metadata": map[string]any{"page": "/"}}
	session := question["sessionId"].(string)
	ask := func(caller int, header ...string) response {
		return shop.try(http.MethodPost, "/chat", question, append([]string{"x-api-key", shop.PublishableKey, "X-Forwarded-For", fmt.Sprint("192.0.2.", caller)}, header...)...)
	}

	answers := make([]response, 50)
	var wg sync.WaitGroup
	for caller := range answers {
		wg.Go(func() { answers[caller] = ask(caller) })
	}
	wg.Wait()
	var token string
	winner := -1
	for caller, answer := range answers {
		if answer.status == http.StatusUnauthorized {
			require.Equal(t, "session_token_invalid", answer.problem())
			require.Empty(t, answer.header.Get("X-Session-Token"))
			continue
		}
		require.Equal(t, -1, winner, "%d and %d began it", winner, caller)
		var begun struct{ SessionID, SessionToken, Answer string }
		answer.is(http.StatusOK).into(&begun)
		require.Equal(t, session, begun.SessionID)
		require.Equal(t, begun.SessionToken, answer.header.Get("X-Session-Token"))
		require.Contains(t, begun.Answer, "six days")
		winner, token = caller, begun.SessionToken
	}
	require.NotEqual(t, -1, winner)
	logged := func(n int) {
		t.Helper()
		require.Eventually(t, func() bool {
			return product.count(t, `SELECT count(*) FROM chat_logs WHERE client_id = $1`, shop.ID) == n
		}, patience, 20*time.Millisecond)
	}
	logged(1)

	shop.forget(product.storage(t))
	stranger := (winner + 1) % len(answers)
	ask(stranger).is(http.StatusUnauthorized)
	ask(winner).is(http.StatusUnauthorized) // another message: not the request that began it
	ask(winner, "X-Session-Token", token).is(http.StatusOK)
	logged(2)

	// What is forgotten is not free either: the token is still valid.
	for _, table := range []string{"chat_logs", "chat_sessions"} {
		product.change(t, `DELETE FROM `+table+` WHERE client_id = $1`, shop.ID)
	}
	ask(stranger).is(http.StatusUnauthorized)
	ask(stranger, "X-Session-Token", token).is(http.StatusOK)
}

// A visitor can't begin a session under an id that the tenant's server will
// use, nor the server ask in a visitor's without knowing.
func TestServersSessionsAreNoVisitors(t *testing.T) {
	t.Parallel()
	product := startProduct(t)
	shop := newTenant(t, product.URL(), chatconnect.TierFree)
	key := shop.secretKey()
	ask := func(key, session string) response {
		return shop.post("/chat", map[string]any{"message": "Hello?", "sessionId": session, "messageId": uuid.NewString()}, "x-api-key", key)
	}
	ask(key, "user-1").is(http.StatusOK)
	require.Equal(t, "session_token_invalid", ask(shop.PublishableKey, "user-1").is(http.StatusUnauthorized).problem())
	ask(shop.PublishableKey, "user-2").is(http.StatusOK)
	require.Equal(t, "session_begun_by_visitor", ask(key, "user-2").is(http.StatusConflict).problem())
}
