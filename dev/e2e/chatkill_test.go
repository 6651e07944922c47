package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/bench/fakemodel"
	"github.com/chatconnect/chatconnect/cmd/chatconnect/app"
	"github.com/chatconnect/chatconnect/dev/stack/stacktest"
	"github.com/chatconnect/chatconnect/temporal"
)

// chatShards is how many installations share the steps of an answer.
const chatShards = 7

// slowly is a model that writes words for half a second. It never finds a
// prompt in its cache, so that the second attempt at an answer costs what the
// first did.
var slowly = fakemodel.Knobs{Tokens: 25, Gap: fakemodel.Duration(20 * time.Millisecond), MinCacheTokens: 1 << 30}

var (
	tea            = file{"tea.txt", []byte("Tea is served at four. Cake is served at five.")}
	whenIsTea      = "When is tea served?"
	teaIsAtFour    = "Tea is served at four. [1]"
	theOnlyMessage = "m-1"
)

// TestChatKill kills processes and takes dependencies away while visitors wait
// for answers. All of it waits more than it works, so it is one test whose
// parts run side by side.
func TestChatKill(t *testing.T) {
	t.Parallel()
	parts := map[string]func(*testing.T){
		"worker": killWorker, "api": killAPI, "dependency": takeDependency,
		"stop": killWithStop, "refusal": killWithRefusal, "frozen": freezeWorker,
	}
	atOnce(t, slices.Sorted(maps.Keys(parts)), func(t *testing.T, part string) { parts[part](t) })
}

// pausing has the model fall silent when it has written 10 words of the next
// answers, until its knobs are set again: what a test does in mid-sentence is
// done in mid-sentence, however slow the machine.
func pausing(k fakemodel.Knobs) fakemodel.Knobs {
	k.Faults = []fakemodel.Fault{{Kind: fakemodel.FaultPause, AfterTokens: 10, Endpoint: fakemodel.EndpointChat}}
	return k
}

// killWorker kills the worker, a process of its own, at every step of
// an answer, while one visitor stays and another leaves and comes back.
// Another worker takes over, and both have the text that they would have had;
// it is logged and counted once, and what was written is not written again.
func killWorker(t *testing.T) {
	t.Helper()
	outcomes := make([]chatOutcome, len(doomedChatSteps))
	var undisturbed chatOutcome
	shards := []int{-1} // nobody dies
	for i := range chatShards {
		shards = append(shards, i)
	}
	atOnce(t, shards, func(t *testing.T, number int) {
		shard := newChatShard(t)
		if number < 0 {
			undisturbed = shard.run(t, chatStep{})
			return
		}
		for i := number; i < len(doomedChatSteps); i += chatShards {
			t.Run(doomedChatSteps[i].String(), func(t *testing.T) { outcomes[i] = shard.run(t, doomedChatSteps[i]) })
		}
	})
	require.True(t, strings.HasPrefix(undisturbed.Text, teaIsAtFour), undisturbed.Text)
	require.Len(t, strings.Fields(undisturbed.Text), slowly.Tokens)
	require.Len(t, undisturbed.Logged, 1)
	require.Len(t, undisturbed.Used, 1)
	atMost(t, 1, undisturbed.givenUp, undisturbed.requests, "how often the model was asked")
	for i, step := range doomedChatSteps {
		t.Run(step.String(), func(t *testing.T) {
			want, end := undisturbed.exchange, outcomes[i]
			if undisturbed.givenUp+end.givenUp > 0 { // and what that took is counted
				want.Used, end.Used = nil, nil
			}
			require.Equal(t, want, end.exchange)
			atMost(t, step.requests, end.givenUp, end.requests, "how often the model was asked")
			atMost(t, step.restarts, end.givenUp, end.restarts, "how often readers were told to start over")
		})
	}
}

// atMost allows one more for each attempt that was given up.
func atMost(t *testing.T, want, givenUp, got int, what string) {
	t.Helper()
	require.GreaterOrEqual(t, got, want, what)
	require.LessOrEqual(t, got, want+givenUp, "%s, with %d attempts given up", what, givenUp)
}

// givenUp is how many attempts at an answer came to nothing besides those that
// were killed. Temporal gives up one of which it does not hear, and does not
// hear of it in time when the machine is too busy.
func givenUp(history *historypb.History, killed int) int {
	return max(0, failedAttempts(history, "Generate")-killed)
}

// exchange is what is left of a question, without the ids and times in which
// two differ, and whether its search was in the cache: if it was repeated, it
// was.
type exchange struct {
	Text         string
	Logged, Used []string // rows
}

type chatOutcome struct {
	exchange
	requests, restarts, givenUp int
}

// starts bounds how many parts of TestChatKill are being set up at once: that
// is work, and all that follows is waiting.
var starts = make(chan struct{}, 4)

func setUp(f func()) {
	starts <- struct{}{}
	defer func() { <-starts }()
	f()
}

type chatShard struct {
	api    *product
	models *fakemodel.Server
	owner  *person
}

func newChatShard(t *testing.T) *chatShard {
	t.Helper()
	models, settings := startModels(t, slowly)
	s := &chatShard{models: models}
	setUp(func() {
		s.api = startRoles(t, app.Roles{API: true}, append(stacktest.Environ(t), settings...))
		s.owner = newPerson(t, s.api.URL()).register()
	})
	return s
}

// run has a visitor of a new client ask, with a worker that dies at the step
// and another that goes on; without a step there is but one worker.
func (s *chatShard) run(t *testing.T, step chatStep) chatOutcome {
	t.Helper()
	if step.name == "" {
		defer startRoles(t, app.Roles{Worker: true}, s.api.environ).stop()
	}
	doomed, shop, body := s.doom(t, step.name)
	s.models.ClearRequests()
	if step.name == "generate asking" {
		defer s.models.OnRequest(func(r fakemodel.Request) {
			if r.Endpoint == fakemodel.EndpointChat {
				go doomed.kill()
			}
		})()
		require.NoError(t, s.models.Set(fakemodel.Knobs{Faults: []fakemodel.Fault{{Kind: fakemodel.FaultHang, Endpoint: fakemodel.EndpointChat}}}))
	}
	if step.name == "generate half" { // however slowly the worker publishes
		require.NoError(t, s.models.Set(fakemodel.Knobs{Faults: []fakemodel.Fault{{Kind: fakemodel.FaultHang, AfterTokens: 10, Endpoint: fakemodel.EndpointChat}}}))
	}
	leaves := shop.stream(body)
	stays := shop.resume(s.api.URL(), body, nil)
	if step.name != "" {
		if step.words {
			require.Equal(t, chatconnect.EventToken, leaves.next())
		}
		leaves.close()
		doomed.awaitDeath()
		require.NoError(t, s.models.Set(slowly))
		defer startRoles(t, app.Roles{Worker: true}, s.api.environ).stop()
	}
	died := time.Now()
	back := shop.resume(s.api.URL(), body, leaves).finish()
	t.Logf("the answer was whole %v after the worker's death", time.Since(died).Round(10*time.Millisecond))
	stays.finish()
	require.Empty(t, back.failure)
	require.Equal(t, chatconnect.ChatAnswered, back.done.Status)
	require.Equal(t, back.text, stays.text)
	require.Equal(t, back.sources, stays.sources)
	require.Equal(t, []string{tea.name}, sourceNames(back.sources))

	history := s.api.history(t, chatWorkflow(shop, body))
	replays(t, history)
	if step.name == "generate half" {
		keepHistory(t, "answer-killed", history)
	}
	return chatOutcome{s.api.exchange(t, shop, back.text), chatRequests(s.models), back.starts, givenUp(history, step.killed())}
}

// exchange reads what is kept of a client's only question.
func (p *product) exchange(t *testing.T, shop *tenant, text string) exchange {
	t.Helper()
	return exchange{
		Text: text,
		Logged: p.strings(t, `select (to_jsonb(r) - '{client_id,session_id,sources,cached,latency_ms,time_to_first_token_ms,asked_at,created_at}'::text[])::text
			from chat_logs r where client_id = $1`, shop.ID),
		Used: p.strings(t, `select (to_jsonb(r) - '{client_id,day,updated_at}'::text[])::text from usage_stats r where client_id = $1 and model not like 'embedding-%'`, shop.ID), // a question's vector is counted as often as it is paid for
	}
}

// resume attaches to an answer at any API, from where an earlier stream left
// off; nil: from its beginning.
func (c *tenant) resume(base string, body map[string]any, from *stream) *stream {
	c.t.Helper()
	if from == nil {
		from = &stream{}
	}
	s := openStream(c.t, "GET", resumeURL(base, body), c.PublishableKey, nil, from.lastID)
	s.text, s.sources = from.text, from.sources
	return s
}

func resumeURL(base string, body map[string]any) string {
	return fmt.Sprintf("%s/chat/stream?messageId=%s&sessionId=%s", base, body["messageId"], body["sessionId"])
}

func chatWorkflow(shop *tenant, body map[string]any) string {
	return temporal.ChatWorkflowID(chatconnect.MessageRef{
		ClientID: shop.ID, SessionID: chatconnect.SessionID(body["sessionId"].(string)), MessageID: chatconnect.MessageID(body["messageId"].(string)),
	})
}

// chatRequests counts how often a model was asked for an answer.
func chatRequests(models *fakemodel.Server) int {
	n := 0
	for _, r := range models.Requests() {
		if r.Endpoint == fakemodel.EndpointChat {
			n++
		}
	}
	return n
}
