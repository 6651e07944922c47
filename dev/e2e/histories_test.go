package e2e

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/log"
	sdkworker "go.temporal.io/sdk/worker"
	"google.golang.org/protobuf/encoding/protojson"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/bench/fakemodel"
	"github.com/chatconnect/chatconnect/internal/config"
	"github.com/chatconnect/chatconnect/temporal"
	"github.com/chatconnect/chatconnect/workflows"
)

// TestHistoriesReplay runs every shape of workflow for real and replays what
// the server recorded. With UPDATE_HISTORIES=1 it also writes the histories
// that workflows' own replay test holds against later code; do that only for
// a shape that is new, under a name that is new.
func TestHistoriesReplay(t *testing.T) {
	t.Parallel()
	models, settings := startModels(t, fakemodel.Knobs{})
	product := startProduct(t, settings...)
	shop := newTenant(t, product.URL(), chatconnect.TierFree)

	ready := shop.learn(fixture(t, "handbook.pdf"))[0]
	failed := shop.settle(shop.upload(fixture(t, "scanned.pdf"))...)[0]
	long := shop.learn(inventory())[0]
	require.NoError(t, models.Set(fakemodel.Knobs{Faults: []fakemodel.Fault{{Kind: fakemodel.FaultServerError, Endpoint: fakemodel.EndpointEmbeddings, Count: 2}}}))
	retried := shop.learn(file{"tea.txt", []byte("Tea is served at four.")})[0]

	ask := func(shop *tenant, message, question string) string {
		body := shop.chatBody(question)
		body["messageId"] = message
		shop.stream(body).finish()
		shop.post("/chat", body, "x-api-key", shop.PublishableKey) // until the workflow has ended
		return chatWorkflow(shop, body)
	}
	known := questions[0].question
	answered, cached := ask(shop, "m-1", known), ask(shop, "m-2", known)
	require.NoError(t, models.Set(fakemodel.Knobs{Faults: []fakemodel.Fault{{Kind: fakemodel.FaultCut, AfterTokens: 2, Endpoint: fakemodel.EndpointChat, Count: 1}}}))
	restarted := ask(shop, "m-3", known)
	require.NoError(t, models.Set(fakemodel.Knobs{Faults: []fakemodel.Fault{{Kind: fakemodel.FaultContext, Endpoint: fakemodel.EndpointChat}}}))
	refused := ask(shop, "m-4", known)
	require.NoError(t, models.Set(fakemodel.Knobs{}))
	unanswered := ask(shop, "m-5", "Who discovered penicillin?")
	require.NoError(t, models.Set(fakemodel.Knobs{Tokens: 10_000, Gap: fakemodel.Duration(20 * time.Millisecond)}))
	stopping := shop.chatBody(questions[0].question)
	stopping["messageId"] = "m-6"
	s := shop.stream(stopping)
	for s.tokens < 2 {
		require.NotEmpty(t, s.next())
	}
	shop.stop("m-6", stopping["sessionId"]).is(http.StatusAccepted)
	require.Equal(t, chatconnect.ChatStopped, s.finish().done.Status)
	stopped := chatWorkflow(shop, stopping)
	require.NoError(t, models.Set(fakemodel.Knobs{Faults: []fakemodel.Fault{{
		Kind: fakemodel.FaultRateLimit, RetryAfter: fakemodel.Duration(time.Minute), Endpoint: fakemodel.EndpointChat,
	}}}))
	waiting := shop.chatBody(questions[0].question)
	waiting["messageId"] = "m-8"
	before := len(models.Requests())
	s = shop.stream(waiting)
	_, err := models.WaitRequests(t.Context(), before+1)
	require.NoError(t, err)
	shop.stop("m-8", waiting["sessionId"]).is(http.StatusAccepted)
	require.Equal(t, chatconnect.ChatStopped, s.finish().done.Status)
	require.NoError(t, models.Set(fakemodel.Knobs{}))
	poor := newTenant(t, product.URL(), chatconnect.TierFree)
	poor.learn(file{"tea.txt", []byte("Tea is served at four.")})
	product.change(t, `UPDATE clients SET monthly_token_budget = 1 WHERE id = $1`, poor.ID)
	product.change(t, `INSERT INTO usage_stats (client_id, day, model, input_tokens) VALUES ($1, (now() AT TIME ZONE 'UTC')::date, '', 1)`, poor.ID)
	exhausted := ask(poor, "m-7", known)

	require.NoError(t, models.Set(fakemodel.Knobs{}))
	shop.replace(retried.ID, file{"tea.txt", []byte("Tea is served at five.")}).is(http.StatusAccepted)
	shop.watch(func(seen map[chatconnect.DocumentID]chatconnect.Document) bool {
		return seen[retried.ID].Version == 2 && seen[retried.ID].Status == chatconnect.StatusReady
	})
	shop.awaitDeleted(failed.ID, func() { shop.remove(failed.ID) })
	gone := newTenant(t, product.URL(), chatconnect.TierFree)
	gone.learn(file{"tea.txt", []byte("Tea is served at four.")})
	gone.do(http.MethodDelete, "/api/dashboard/clients/"+string(gone.ID), nil).is(http.StatusAccepted)

	stores := product.storage(t)
	stores.lose(ready.ID, 1) // for the janitor to mend
	janitor, _ := stores.startCleaning(false)
	product.history(t, janitor) // until its end: it and a reindex would do each other's work
	product.plant(t, chatconnect.SourceBlobKey(shop.ID, chatconnect.Revision{DocumentID: chatconnect.DocumentID(uuid.NewString()), Version: 1}), 2*time.Hour)
	orphans, _ := stores.startCleaning(false) // looks at it twice
	product.history(t, orphans)
	flow := stores.flow
	shop.do(http.MethodPatch, "/api/dashboard/clients/"+string(shop.ID), map[string]any{"retentionDays": 30}).is(http.StatusOK)
	product.change(t, `UPDATE chat_logs SET asked_at = asked_at - interval '31 days' WHERE client_id = $1`, shop.ID)
	expiry := stores.expireChats()
	_, err = temporal.StartReindex(t.Context(), flow, &temporal.ReindexInput{Model: aModel(), Dimensions: 64, Settles: time.Second, Grace: time.Second})
	require.NoError(t, err)

	ingest := func(document chatconnect.Document) string {
		return temporal.IngestionWorkflowID(shop.ID, chatconnect.Revision{DocumentID: document.ID, Version: 1})
	}
	for name, id := range map[string]string{
		"ingest-ready": ingest(ready), "ingest-failed": ingest(failed), "ingest-long": ingest(long), "ingest-retried": ingest(retried),
		"ingest-replacement": temporal.IngestionWorkflowID(shop.ID, chatconnect.Revision{DocumentID: retried.ID, Version: 2}),
		"delete":             temporal.DeleteWorkflowID(shop.ID, failed.ID),
		"purge":              temporal.PurgeWorkflowID(gone.ID),
		"reindex":            temporal.ReindexWorkflowID,
		"janitor":            janitor,
		"janitor-orphans":    orphans,
		"expire-chats":       expiry,
		"answer":             answered, "answer-cached": cached, "answer-restarted": restarted, "answer-refused": refused,
		"answer-unanswered": unanswered, "answer-stopped": stopped, "answer-exhausted": exhausted,
		"answer-stopped-waiting": chatWorkflow(shop, waiting),
	} {
		t.Run(name, func(t *testing.T) {
			history := product.history(t, id)
			replays(t, history)
			late := slices.ContainsFunc(history.Events, func(event *historypb.HistoryEvent) bool {
				return event.EventType == enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT || event.EventType == enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED
			})
			if name == "answer" && !late {
				require.LessOrEqual(t, len(history.Events), 12, "an undisturbed answer is few events")
			}
			keepHistory(t, name, history)
		})
	}
}

// replays runs today's workflow code over a history.
func replays(t testing.TB, history *historypb.History) {
	t.Helper()
	// A replay that gets no processor for a second is not deadlocked.
	replayer, err := sdkworker.NewWorkflowReplayerWithOptions(sdkworker.WorkflowReplayerOptions{DisableDeadlockDetection: true})
	require.NoError(t, err)
	workflows.Register(replayer, replayer)
	require.NoError(t, replayer.ReplayWorkflowHistory(quiet(), history))
}

// keepHistory writes it down if that is asked for.
func keepHistory(t testing.TB, name string, history *historypb.History) {
	t.Helper()
	if os.Getenv("UPDATE_HISTORIES") == "" {
		return
	}
	content, err := protojson.Marshal(history)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join("../../workflows/testdata/histories", name+".json"), content, 0o600))
}

func quiet() log.Logger { return log.NewStructuredLogger(slog.New(slog.DiscardHandler)) }

// history waits for the workflow's end and returns what was recorded.
func (p *product) history(t testing.TB, id string) *historypb.History {
	t.Helper()
	c, err := config.Load(p.environ)
	require.NoError(t, err)
	connection := dialTemporal(t, c)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, connection.GetWorkflow(ctx, id, "").Get(ctx, nil))
	history := &historypb.History{}
	events := connection.GetWorkflowHistory(ctx, id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(t, err)
		history.Events = append(history.Events, event)
	}
	return history
}
