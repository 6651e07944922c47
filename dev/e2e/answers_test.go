package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/bench/fakemodel"
	"github.com/chatconnect/chatconnect/cmd/chatconnect/app"
	"github.com/chatconnect/chatconnect/dev/stack/stacktest"
)

// stop asks for an answer to be stopped.
func (c *tenant) stop(message string, session any) response {
	c.t.Helper()
	return c.post("/chat/"+message+"/stop", map[string]any{"sessionId": session}, "x-api-key", c.PublishableKey)
}

// A stopped answer ends within a moment, with the text so far, is logged as
// such, and the model is told to stop, too.
func TestAVisitorStopsAnAnswer(t *testing.T) {
	t.Parallel()
	models, settings := startModels(t, fakemodel.Knobs{Tokens: 10_000, Gap: fakemodel.Duration(20 * time.Millisecond)})
	environ := append(stacktest.Environ(t), settings...)
	for _, roles := range roleSets {
		t.Run(roles.name, func(t *testing.T) {
			product := roles.start(t, environ)
			shop := newTenant(t, product.URL(), chatconnect.TierFree)
			shop.learn(fixture(t, "handbook.pdf"))
			body := shop.chatBody(questions[0].question)
			body["messageId"] = "m-1"
			s := shop.stream(body)
			s.read(3)
			pressed := time.Now()
			shop.stop("m-1", body["sessionId"]).is(http.StatusAccepted)
			s.finish()
			t.Logf("%s: the stream ended %s after the click", roles.name, time.Since(pressed).Round(time.Millisecond))
			require.Equal(t, chatconnect.ChatStopped, s.done.Status)
			require.NotEmpty(t, s.text)
			require.Zero(t, s.starts)

			var answer chatconnect.Answer
			shop.post("/chat", body, "x-api-key", shop.PublishableKey).is(http.StatusOK).into(&answer)
			require.Equal(t, s.text, answer.Text, "repeating the message gives the same text")
			require.Equal(t, []string{s.text}, product.strings(t, `SELECT answer FROM chat_logs WHERE client_id = $1 AND status = 'stopped'`, shop.ID))
			require.Equal(t, 1, product.count(t, `SELECT count(*) FROM usage_stats WHERE client_id = $1 AND stopped = 1 AND output_tokens > 0`, shop.ID))
			shop.stop("m-1", body["sessionId"]).is(http.StatusAccepted)
			require.Equal(t, "message_unknown", shop.stop("m-2", body["sessionId"]).is(http.StatusNotFound).problem())
			require.Equal(t, 1, product.count(t, `SELECT count(*) FROM chat_logs WHERE client_id = $1`, shop.ID))
			requests := len(models.Requests())

			// While the model has not said a word yet.
			require.NoError(t, models.Set(fakemodel.Knobs{TTFT: fakemodel.Duration(time.Hour)}))
			body["messageId"] = "m-3"
			s = shop.stream(body)
			_, err := models.WaitRequests(t.Context(), requests+1)
			require.NoError(t, err)
			shop.stop("m-3", body["sessionId"]).is(http.StatusAccepted)
			s.finish()
			require.Equal(t, chatconnect.ChatStopped, s.done.Status)
			require.Empty(t, s.text)
			require.NoError(t, models.Set(fakemodel.Knobs{Tokens: 10_000, Gap: fakemodel.Duration(20 * time.Millisecond)}))
		})
	}
}

// roleSets are the ways to run the product.
var roleSets = []struct {
	name  string
	start func(testing.TB, []string) *product
}{
	{"serve", func(t testing.TB, environ []string) *product {
		t.Helper()
		return startRoles(t, app.Roles{API: true, Worker: true}, environ)
	}},
	{"api and worker", func(t testing.TB, environ []string) *product {
		t.Helper()
		startRoles(t, app.Roles{Worker: true}, environ)
		return startRoles(t, app.Roles{API: true}, environ)
	}},
}

// Between the attempts at an answer nobody writes it; it can be stopped all
// the same.
func TestAnAnswerIsStoppedBetweenAttempts(t *testing.T) {
	t.Parallel()
	models, settings := startModels(t, fakemodel.Knobs{Faults: []fakemodel.Fault{{
		Kind: fakemodel.FaultRateLimit, RetryAfter: fakemodel.Duration(time.Minute), Endpoint: fakemodel.EndpointChat,
	}}})
	product := startProduct(t, settings...)
	shop := newTenant(t, product.URL(), chatconnect.TierFree)
	shop.learn(fixture(t, "handbook.pdf"))
	before := len(models.Requests())
	body := shop.chatBody(questions[0].question)
	body["messageId"] = "m-1"
	s := shop.stream(body)
	_, err := models.WaitRequests(t.Context(), before+2) // the question's embedding, and the refused one
	require.NoError(t, err)
	shop.stop("m-1", body["sessionId"]).is(http.StatusAccepted)
	s.finish()
	require.Equal(t, chatconnect.ChatStopped, s.done.Status)
	require.Empty(t, s.text)
	shop.logged(product, 1) // the workflow tells the visitor first
	require.Equal(t, 1, product.count(t, `SELECT count(*) FROM chat_logs WHERE client_id = $1 AND status = 'stopped'`, shop.ID))
}

func TestAFollowUpIsSearchedForByWhatItMeans(t *testing.T) {
	t.Parallel()
	product := startProduct(t)
	shop := newTenant(t, product.URL(), chatconnect.TierFree)
	shop.learn(fixture(t, "prices.docx"), fixture(t, "handbook.pdf"), fixture(t, "utf16.txt"))
	body := shop.chatBody("Do you sell brake pads?")
	shop.stream(body).finish()
	// The next question is asked when the first has been logged: its stream
	// ends a moment before.
	shop.logged(product, 1)
	body["message"], body["messageId"] = "And how much are they?", "m-2"
	s := shop.stream(body).finish()
	require.Contains(t, s.text, "18.40")
	require.Contains(t, sourceNames(s.done.Sources), "prices.docx")
	require.Equal(t, chatconnect.ChatAnswered, s.done.Status)
}

// logged waits until n exchanges of the client have been logged.
func (c *tenant) logged(p *product, n int) {
	c.t.Helper()
	require.Eventually(c.t, func() bool {
		return p.count(c.t, `SELECT count(*) FROM chat_logs WHERE client_id = $1`, c.ID) >= n
	}, patience, 10*time.Millisecond, "fewer than %d answers are logged", n)
}

func TestAQuestionAboutSomethingElseCostsNothing(t *testing.T) {
	t.Parallel()
	models, settings := startModels(t, fakemodel.Knobs{})
	product := startProduct(t, settings...)
	shop := newTenant(t, product.URL(), chatconnect.TierFree)
	body := shop.chatBody("Wer hat Penicillin entdeckt?") // nothing is known at all
	s := shop.stream(body).finish()
	require.Equal(t, chatconnect.ChatUnanswered, s.done.Status)
	require.Equal(t, "Dazu habe ich in den Dokumenten leider nichts gefunden.", s.text)
	require.Empty(t, s.done.Sources)
	require.Zero(t, s.done.Usage)
	for _, request := range models.Requests() {
		require.NotContains(t, request.Path, "chat/completions")
	}
	shop.logged(product, 1)
	require.Equal(t, 1, product.count(t, `SELECT count(*) FROM chat_logs WHERE client_id = $1 AND status = 'unanswered' AND model = ''`, shop.ID))
}

// used are the tokens of a client's month, of its documents too.
func (p *product) used(t testing.TB, client chatconnect.ClientID) int {
	t.Helper()
	return p.count(t, `SELECT COALESCE(sum(input_tokens + output_tokens), 0)::integer FROM usage_stats WHERE client_id = $1`, client)
}

// TestOpenRegistrationSpendsNoMore checks that a new account gets the operator's
// ceiling for documents, questions and /embed together, can't raise it, and
// continues as soon as the operator raises it.
func TestOpenRegistrationSpendsNoMore(t *testing.T) {
	t.Parallel()
	models, settings := startModels(t, fakemodel.Knobs{})
	product := startProduct(t, append(settings, "FREE_TOKEN_CEILING=20", "ACCOUNT_TOKEN_CEILING=30", "MAX_CLIENTS=2", "MAX_DOCUMENTS=1", "MAX_KEYS=2")...)
	shop := newTenant(t, product.URL(), chatconnect.TierFree)
	path := "/api/dashboard/clients/" + string(shop.ID)
	require.Equal(t, "tier_operator_only", shop.do(http.MethodPatch, path, map[string]any{"tier": "paid"}).is(http.StatusForbidden).problem())
	shop.do(http.MethodPatch, path, map[string]any{"tokenBudget": 1_000_000}).is(http.StatusOK)

	// The document may spend what is left before it is looked at, and is over it then.
	shop.learn(file{"tea.txt", []byte("Tea is served at four. " + strings.Repeat("Biscuits are served with it. ", 20))})
	require.Greater(t, product.used(t, shop.ID), 30)
	require.Equal(t, "documents_limit", shop.tryUpload(file{"more.txt", []byte("More.")}).is(http.StatusConflict).problem())
	before := len(models.Requests())
	require.Equal(t, "budget_exhausted", shop.stream(shop.chatBody("When is tea served?")).finish().failure.Code)

	var key struct{ Token string }
	shop.post(path+"/keys", map[string]any{"kind": "secret"}).is(http.StatusCreated).into(&key)
	require.Equal(t, "keys_limit", shop.post(path+"/keys", map[string]any{"kind": "secret"}).is(http.StatusConflict).problem())
	embed := func() response {
		return newPerson(t, product.URL()).post("/embed", map[string]any{"texts": []string{"Tea"}}, "X-Api-Key", key.Token)
	}
	require.Equal(t, "budget_exhausted", embed().is(http.StatusForbidden).problem())

	second := shop.newClient(chatconnect.TierFree) // shares the account's ceiling
	require.Equal(t, "clients_limit", shop.post("/api/dashboard/clients", map[string]any{"name": "Third"}).is(http.StatusConflict).problem())
	waiting := second.upload(file{"coffee.txt", []byte("Coffee is served at five.")})
	second.watch(func(seen map[chatconnect.DocumentID]chatconnect.Document) bool {
		return strings.HasPrefix(seen[waiting[0].ID].Stage, "This month’s tokens are used up")
	})
	for _, request := range models.Requests()[before:] {
		require.NotContains(t, string(request.Body), "Coffee", "nobody was paid")
	}

	shop.do(http.MethodPatch, "/internal/client/"+string(shop.ID), map[string]any{"token_ceiling": 100_000},
		"X-Internal-Secret", stacktest.InternalSecret(t)).is(http.StatusOK)
	require.Contains(t, shop.stream(shop.chatBody("When is tea served?")).finish().text, "four")
	used := product.used(t, shop.ID)
	embed().is(http.StatusOK)
	require.Greater(t, product.used(t, shop.ID), used)
	require.Equal(t, 1, product.count(t, `SELECT count(*) FROM audit_events WHERE client_id = $1 AND action = 'client.plan'`, shop.ID))
}

func TestATokenBudgetIsKept(t *testing.T) {
	t.Parallel()
	_, settings := startModels(t, fakemodel.Knobs{})
	product := startProduct(t, settings...)
	shop := newTenant(t, product.URL(), chatconnect.TierFree)
	shop.learn(fixture(t, "handbook.pdf"))
	shop.do(http.MethodPatch, "/api/dashboard/clients/"+string(shop.ID), map[string]any{"tokenBudget": product.used(t, shop.ID) + 100}).is(http.StatusOK)
	require.Contains(t, shop.stream(shop.chatBody(questions[0].question)).finish().text, questions[0].answer, "the first is within it")
	shop.logged(product, 1)
	for i := range 2 {
		s := shop.stream(shop.chatBody(questions[1].question)).finish()
		require.Equal(t, "budget_exhausted", s.failure.Code)
		require.Contains(t, s.failure.Message, "this month")
		shop.logged(product, 2+i)
	}
	require.Equal(t, 1, product.count(t, `SELECT count(*) FROM audit_events WHERE client_id = $1 AND action = 'budget.warning'`, shop.ID))
	require.Equal(t, 2, product.count(t, `SELECT count(*) FROM chat_logs WHERE client_id = $1 AND status = 'failed' AND error_code = 'budget_exhausted'`, shop.ID))
	require.Equal(t, 1, product.count(t, `SELECT count(*) FROM chat_logs WHERE client_id = $1 AND cost_microusd > 0`, shop.ID))

	shop.do(http.MethodPatch, "/api/dashboard/clients/"+string(shop.ID), map[string]any{"tokenBudget": 1_000_000}).is(http.StatusOK)
	require.Contains(t, shop.stream(shop.chatBody(questions[1].question)).finish().text, questions[1].answer)
}
