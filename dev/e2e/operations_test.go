package e2e

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/bench/fakemodel"
	"github.com/chatconnect/chatconnect/cmd/chatconnect/app"
	"github.com/chatconnect/chatconnect/dev/stack/stacktest"
)

func scrape(t testing.TB, url string) string {
	t.Helper()
	answer, err := http.Get(url)
	require.NoError(t, err)
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return string(content)
}

func TestMetricsHaveTheirAgreedNames(t *testing.T) {
	t.Parallel()
	_, settings := startModels(t, fakemodel.Knobs{})
	product := startProduct(t, settings...)
	shop := newTenant(t, product.URL(), chatconnect.TierFree)
	// A name of its own: the cache of embeddings is shared, also between tests.
	name := uuid.NewString()
	shop.learn(file{"tea.txt", []byte("Tea is served to " + name + " at four.")})
	shop.ask("When is tea served to " + name + "?")
	_, asked := shop.askUntilCached("When is tea served to " + name + "?")
	metrics := scrape(t, product.MetricsURL())
	for _, line := range []string{
		fmt.Sprintf(`chat_requests_total{client_id="%s",status="answered",tier="free"} %d`, shop.ID, 1+asked),
		fmt.Sprintf(`chat_latency_seconds_count{client_id="%s",tier="free"} %d`, shop.ID, 1+asked),
		`llm_tokens_total{model="gpt-4o-mini",type="input"}`,
		`llm_tokens_total{model="gpt-4o-mini",type="output"}`,
		fmt.Sprintf("qdrant_search_duration_seconds_count %d\n", asked), // the last was in the query cache
		// The last search was in the query cache, but its vector had been prefetched
		// from the embedding cache.
		`embedding_cache_hits_total `,
		`temporal_`,
	} {
		require.Contains(t, metrics, line)
	}
	// The chunk, the first question, and later questions if the cache was too slow.
	misses := regexp.MustCompile(`embedding_cache_misses_total (\d+)`).FindStringSubmatch(metrics)
	require.NotNil(t, misses)
	embedded, err := strconv.Atoi(misses[1])
	require.NoError(t, err)
	require.GreaterOrEqual(t, embedded, 2)
	require.LessOrEqual(t, embedded, 1+asked)
}

// TestAPIAndWorkerMayBeApart runs two API processes and a worker as separate
// apps: an answer written by the worker is read through either API.
func TestAPIAndWorkerMayBeApart(t *testing.T) {
	t.Parallel()
	environ := stacktest.Environ(t)
	one := startRoles(t, app.Roles{API: true}, environ)
	other := startRoles(t, app.Roles{API: true}, environ)
	worker := startRoles(t, app.Roles{Worker: true}, environ)
	shop := newTenant(t, one.URL(), chatconnect.TierFree)
	shop.learn(fixture(t, "handbook.pdf"))
	body := shop.chatBody(questions[0].question)
	body["messageId"] = "m-1"
	require.Contains(t, shop.stream(body).finish().text, questions[0].answer)
	elsewhere := openStream(t, "GET", other.URL()+"/chat/stream?messageId=m-1&sessionId="+body["sessionId"].(string), shop.PublishableKey, nil, 0)
	require.Contains(t, elsewhere.finish().text, questions[0].answer)

	anybody := newPerson(t, one.URL())
	require.Eventually(t, func() bool { // each dependency has 2 s to answer
		return anybody.get("/readyz").status == http.StatusOK
	}, patience, 10*time.Millisecond, "it is never ready")
	ready, err := http.Get(strings.Replace(worker.MetricsURL(), "/metrics", "/readyz", 1))
	require.NoError(t, err)
	defer ready.Body.Close()
	require.Equal(t, http.StatusOK, ready.StatusCode)
}

// TestMetricsOfADeletedClientVanish in the process that answered and in the one
// that was asked, without either having deleted the client by itself.
func TestMetricsOfADeletedClientVanish(t *testing.T) {
	t.Parallel()
	environ := stacktest.Environ(t)
	asked := startRoles(t, app.Roles{API: true}, environ)
	answered := startRoles(t, app.Roles{Worker: true}, environ)
	deleted := startRoles(t, app.Roles{API: true}, environ)
	shop := newTenant(t, asked.URL(), chatconnect.TierFree)
	shop.ask("When is tea served?")
	require.Equal(t, "message_empty", shop.post("/chat", map[string]any{"message": " ", "sessionId": "s"}, "x-api-key", shop.PublishableKey).is(http.StatusBadRequest).problem())
	for _, process := range []*product{asked, answered} {
		require.Contains(t, scrape(t, process.MetricsURL()), string(shop.ID))
	}
	owner := newPerson(t, deleted.URL())
	owner.email = shop.email
	owner.logIn()
	owner.do(http.MethodDelete, "/api/dashboard/clients/"+string(shop.ID), nil).is(http.StatusAccepted)
	for _, process := range []*product{asked, answered, deleted} {
		require.Eventually(t, func() bool { return !strings.Contains(scrape(t, process.MetricsURL()), string(shop.ID)) },
			patience, 100*time.Millisecond)
	}
}
