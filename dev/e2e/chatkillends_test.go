package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/bench/fakemodel"
	"github.com/chatconnect/chatconnect/cmd/chatconnect/app"
	"github.com/chatconnect/chatconnect/internal/proctest"
)

// killWithStop has the visitor press Stop when the worker that writes his
// answer is dead, and when the stop itself is what it dies of. The answer ends
// as stopped, with the text that he has read, and is logged once.
func killWithStop(t *testing.T) {
	t.Helper()
	atOnce(t, []string{"generate half", "interrupt received"}, func(t *testing.T, step string) {
		shard := newChatShard(t)
		shard.writes(t, 10_000)
		doomed, shop, body := shard.doom(t, step)
		reading := shop.stream(body)
		require.Equal(t, chatconnect.EventToken, reading.next())
		stop := func() { shop.stop(theOnlyMessage, body["sessionId"]).is(http.StatusAccepted) }
		if step == "interrupt received" {
			stop()
			doomed.awaitDeath()
		} else {
			doomed.awaitDeath()
			stop()
		}
		died := time.Now()
		startRoles(t, app.Roles{Worker: true}, shard.api.environ)
		reading.finish()
		t.Logf("stopped %v after the worker's death", time.Since(died).Round(10*time.Millisecond))
		require.Equal(t, chatconnect.ChatStopped, reading.done.Status, "%+v", reading.failure)
		if reading.starts == 0 { // another worker may have begun anew, and come to nothing
			require.NotEmpty(t, reading.text)
		}
		history := shard.api.history(t, chatWorkflow(shop, body))
		replays(t, history)
		if step == "generate half" {
			keepHistory(t, "answer-stopped-dead", history)
		}
		require.Equal(t, []string{reading.text}, shard.api.strings(t, `select answer from chat_logs where client_id = $1`, shop.ID))
		require.Equal(t, 1, shard.api.count(t, `select count(*) from usage_stats where client_id = $1 and questions = 1 and stopped = 1`, shop.ID))
		// Another worker may begin anew before it hears of the stop.
		require.LessOrEqual(t, chatRequests(shard.models), 2)
	})
}

// killWithRefusal kills the worker when it has told the visitor that the
// model refuses, and when it has logged that: he is told once, and so is the
// log.
func killWithRefusal(t *testing.T) {
	t.Helper()
	atOnce(t, []string{"log told", "log logged"}, func(t *testing.T, step string) {
		shard := newChatShard(t)
		require.NoError(t, shard.models.Set(fakemodel.Knobs{Faults: []fakemodel.Fault{{Kind: fakemodel.FaultContext, Endpoint: fakemodel.EndpointChat}}}))
		doomed, shop, body := shard.doom(t, step)
		reading := shop.stream(body).finish()
		require.Equal(t, "model_context_too_long", reading.failure.Code)
		doomed.awaitDeath()
		startRoles(t, app.Roles{Worker: true}, shard.api.environ)
		replays(t, shard.api.history(t, chatWorkflow(shop, body)))
		again := shop.resume(shard.api.URL(), body, nil).finish()
		require.Equal(t, reading.failure, again.failure)
		require.Equal(t, reading.lastID, again.lastID)
		require.Empty(t, again.next(), "nothing follows")
		require.Equal(t, []string{reading.failure.Code}, shard.api.strings(t, `select error_code from chat_logs where client_id = $1`, shop.ID))
		require.Equal(t, 1, shard.api.count(t, `select count(*) from usage_stats where client_id = $1 and questions = 1 and failed = 1`, shop.ID))
		require.Equal(t, 1, chatRequests(shard.models))
	})
}

// freezeWorker stops the worker's process in mid-sentence until another
// has taken over, and lets it go on then: what it still writes reaches nobody.
func freezeWorker(t *testing.T) {
	t.Helper()
	shard := newChatShard(t)
	shard.writes(t, 100)
	require.NoError(t, shard.models.Set(pausing(shard.models.Knobs())))
	frozen, shop, body := shard.doom(t, "never")
	reading := shop.stream(body)
	reading.read(3)
	thaw := proctest.Freeze(t, frozen.command.Process.Pid)
	stopped := time.Now()
	shard.writes(t, 100) // for both
	startRoles(t, app.Roles{Worker: true}, shard.api.environ)
	for reading.starts == 0 || reading.text == "" {
		require.NotEmpty(t, reading.next())
	}
	t.Logf("another worker writes %v later", time.Since(stopped).Round(10*time.Millisecond))
	require.NoError(t, thaw())
	reading.finish()
	require.Equal(t, chatconnect.ChatAnswered, reading.done.Status)
	replays(t, shard.api.history(t, chatWorkflow(shop, body)))
	require.Equal(t, reading.text, shop.resume(shard.api.URL(), body, nil).finish().text, "who reads it later reads the same")
	end := shard.api.exchange(t, shop, reading.text)
	require.Len(t, end.Logged, 1)
	require.Len(t, end.Used, 1)
	require.Equal(t, 1, shard.api.count(t, `select count(*) from chat_logs l join usage_stats u using (client_id) where l.client_id = $1 and l.answer = $2 and u.questions = 1`, shop.ID, reading.text))
	require.Equal(t, wholeText(shard.models, shop), reading.text)
}

// writes sets how long the answers are.
func (s *chatShard) writes(t *testing.T, words int) {
	t.Helper()
	knobs := slowly
	knobs.Tokens = words
	require.NoError(t, s.models.Set(knobs))
}

// doom starts a worker that dies at the step, none without a step, and a client
// with a question.
func (s *chatShard) doom(t *testing.T, step string) (doomed *doomedProcess, shop *tenant, question map[string]any) {
	t.Helper()
	setUp(func() {
		if step != "" {
			doomed = startDoomed(t, s.api.environ, step)
		}
		owner := *s.owner
		owner.t = t
		shop = owner.newClient(chatconnect.TierFree)
		shop.learn(tea)
	})
	question = shop.chatBody(whenIsTea)
	question["messageId"] = theOnlyMessage
	return doomed, shop, question
}
