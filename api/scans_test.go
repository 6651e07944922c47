package api_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// One person's searches and exports, of which two run already, are refused
// until one ends; lists that need no scan are not.
func TestScansOfOnePersonAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, _ := b.tenant("a@example.com")
	list := "/api/dashboard/chats?clientId=" + string(client)
	search, export := list+"&search=refund", list+"&format=csv"

	b.chats.mu.Lock() // the database takes its time
	release := sync.OnceFunc(b.chats.mu.Unlock)
	defer release()
	var running sync.WaitGroup
	for _, path := range []string{search, export} {
		running.Go(func() { owner.get(path) })
	}
	require.Eventually(t, func() bool { return b.places.taken() == 4 }, time.Minute, 5*time.Millisecond, "two scans are under way")
	for _, path := range []string{search, export} {
		refused := owner.get(path)
		refused.problem(t, http.StatusTooManyRequests, "too_many_searches")
		require.NotEmpty(t, refused.Header.Get("Retry-After"))
	}
	release()
	running.Wait()

	require.Zero(t, b.places.taken())
	require.Equal(t, http.StatusOK, owner.get(search).StatusCode)
	require.Equal(t, http.StatusOK, owner.get(list).StatusCode)
}
