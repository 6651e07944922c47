package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

// clean triggers the schedule and waits for what the run returns.
func (s *storage) clean(dryRun bool) *temporal.JanitorResult {
	s.t.Helper()
	id, run := s.startCleaning(dryRun)
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	result, err := temporal.JanitorOutcome(ctx, s.flow, id, run)
	require.NoError(s.t, err)
	require.Equal(s.t, dryRun, result.DryRun)
	return result
}

// startCleaning triggers the schedule, or starts a dry run.
func (s *storage) startCleaning(dryRun bool) (workflow, run string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	start := temporal.TriggerJanitor
	if dryRun {
		start = temporal.StartJanitorDryRun
	}
	id, run, err := start(ctx, s.flow)
	for ; errors.Is(err, temporal.ErrNoJanitor); id, run, err = start(ctx, s.flow) {
		select {
		case <-ctx.Done():
			require.NoError(s.t, err)
		case <-time.After(20 * time.Millisecond): // the worker makes it once it has started
		}
	}
	require.NoError(s.t, err)
	return id, run
}

// plant writes a file into the product's storage as if it had been there for
// some time.
func (p *product) plant(t testing.TB, key string, age time.Duration) string {
	t.Helper()
	path := filepath.Join(p.uploadDir(t), "blobs", filepath.FromSlash(key))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte("planted"), 0o600))
	require.NoError(t, os.Chtimes(path, time.Time{}, time.Now().Add(-age)))
	return path
}

// collection is the one that this product searches.
func (s *storage) collection() string {
	s.t.Helper()
	collections := s.collections()
	require.NotEmpty(s.t, collections)
	return collections[0]
}

// copies stores copies of a document's points under other owners, as a writer
// would that was cut off and comes back.
func (s *storage) copies(document chatconnect.DocumentID, client chatconnect.ClientID, revision chatconnect.Revision, n int) {
	s.t.Helper()
	found, err := s.qdrant.Scroll(s.t.Context(), &qdrant.ScrollPoints{
		CollectionName: s.collection(), Limit: qdrant.PtrOf(uint32(n)),
		Filter:      &qdrant.Filter{Must: []*qdrant.Condition{qdrant.NewMatch("document_id", string(document))}},
		WithPayload: qdrant.NewWithPayload(true), WithVectors: qdrant.NewWithVectors(true),
	})
	require.NoError(s.t, err)
	require.Len(s.t, found, n)
	var points []*qdrant.PointStruct
	for _, p := range found {
		payload := p.GetPayload()
		payload["client_id"] = qdrant.NewValueString(string(client))
		payload["document_id"] = qdrant.NewValueString(string(revision.DocumentID))
		payload["version"] = qdrant.NewValueInt(int64(revision.Version))
		payload["revision"] = qdrant.NewValueString(fmt.Sprintf("%s:%d", revision.DocumentID, revision.Version))
		points = append(points, &qdrant.PointStruct{
			Id: qdrant.NewIDUUID(uuid.NewString()), Payload: payload,
			Vectors: qdrant.NewVectorsMap(map[string]*qdrant.Vector{
				"dense": qdrant.NewVectorDense(p.GetVectors().GetVectors().GetVectors()["dense"].GetDenseVector().GetData()),
			}),
		})
	}
	_, err = s.qdrant.Upsert(s.t.Context(), &qdrant.UpsertPoints{CollectionName: s.collection(), Wait: qdrant.PtrOf(true), Points: points})
	require.NoError(s.t, err)
}

// lose removes n points of a document from the index.
func (s *storage) lose(document chatconnect.DocumentID, n int) {
	s.t.Helper()
	found, err := s.qdrant.Scroll(s.t.Context(), &qdrant.ScrollPoints{
		CollectionName: s.collection(), Limit: qdrant.PtrOf(uint32(n)),
		Filter: &qdrant.Filter{Must: []*qdrant.Condition{qdrant.NewMatch("document_id", string(document))}},
	})
	require.NoError(s.t, err)
	require.Len(s.t, found, n)
	var ids []*qdrant.PointId
	for _, p := range found {
		ids = append(ids, p.GetId())
	}
	_, err = s.qdrant.Delete(s.t.Context(), &qdrant.DeletePoints{
		CollectionName: s.collection(), Wait: qdrant.PtrOf(true), Points: qdrant.NewPointsSelectorIDs(ids),
	})
	require.NoError(s.t, err)
}

// TestJanitor plants something of every kind that belongs to nothing beside
// documents that are well. A dry run finds it all and touches nothing; a round
// removes or repairs it; the next finds nothing.
func TestJanitor(t *testing.T) {
	t.Parallel()
	product := startProduct(t)
	stores := product.storage(t)
	shop := newTenant(t, product.URL(), chatconnect.TierFree)
	other := newTenant(t, product.URL(), chatconnect.TierFree)
	live := shop.learn(priceList("first"))[0]
	well := other.learn(fixture(t, "handbook.pdf"))[0]
	failed := shop.settle(shop.upload(fixture(t, "scanned.pdf"))...)[0]
	require.Equal(t, chatconnect.StatusFailed, failed.Status)
	stores.ingested(live, well)
	untouched := filesBelow(t, product.uploadDir(t))
	require.Len(t, untouched, 3)
	points := stores.points("client_id", string(shop.ID))

	const old = 2 * time.Hour
	key := func(client chatconnect.ClientID, id chatconnect.DocumentID, version int, name string) string {
		return fmt.Sprintf("%s/%s/%d/%s", client, id, version, name)
	}
	nothing := chatconnect.DocumentID(uuid.NewString())
	for _, path := range untouched { // a retry needs the failed one's source, however old it is
		require.NoError(t, os.Chtimes(path, time.Time{}, time.Now().Add(-48*time.Hour)))
	}
	product.plant(t, key(shop.ID, nothing, 1, "source"), old)
	product.plant(t, key(chatconnect.ClientID(uuid.NewString()), nothing, 1, "source"), old)
	product.plant(t, key(shop.ID, live.ID, 1, "blocks.jsonl"), old)
	product.plant(t, key(shop.ID, live.ID, 7, "source"), old) // a version that was reserved and never begun
	product.plant(t, key(shop.ID, live.ID, 1, "source.18ab3f.tmp"), old)
	foreign := product.plant(t, "lost/found", old)
	young := product.plant(t, key(shop.ID, chatconnect.DocumentID(uuid.NewString()), 1, "source"), time.Minute)
	stores.copies(live.ID, shop.ID, chatconnect.Revision{DocumentID: nothing, Version: 1}, 3)
	stores.copies(live.ID, shop.ID, chatconnect.Revision{DocumentID: failed.ID, Version: 1}, 2)
	stores.copies(live.ID, shop.ID, chatconnect.Revision{DocumentID: live.ID, Version: 7}, 1)
	stores.lose(well.ID, 2)
	// Under way for two days, and just now with another sentence. The workers'
	// sweep must not find it at rest, however long this takes: it would have it
	// fail for its missing file.
	stuck := uuid.NewString()
	product.change(t, `insert into documents (client_id, id, name, size, type, status, stage, stages, updated_at)
		values ($1, $2, 'stuck.txt', 1, 'txt', 'embedding', 'Waiting', jsonb_build_array(jsonb_build_object('name', 'queue', 'startedAt', now() - interval '2 days')),
			now() + interval '1 hour')`,
		string(shop.ID), stuck)

	wanted := []temporal.Finding{
		{Kind: temporal.FindingOrphanBlob, Action: temporal.ActionDeleted, Count: 4},
		{Kind: temporal.FindingUnfinishedBlob, Action: temporal.ActionDeleted, Count: 1},
		{Kind: temporal.FindingForeignBlob, Action: temporal.ActionReported, Count: 1},
		{Kind: temporal.FindingOrphanPoints, Action: temporal.ActionDeleted, Count: 1},
		{Kind: temporal.FindingStalePoints, Action: temporal.ActionDeleted, Count: 2},
		{Kind: temporal.FindingMissingPoints, Action: temporal.ActionRepaired, Count: 1},
		{Kind: temporal.FindingStuckDocument, Action: temporal.ActionReported, Count: 1},
	}
	before, wellBefore := filesBelow(t, product.uploadDir(t)), stores.points("document_id", string(well.ID))
	dry := stores.clean(true)
	inDryRun := make([]temporal.Finding, len(wanted))
	for i, f := range wanted {
		if f.Action != temporal.ActionReported {
			f.Action = temporal.ActionNone
		}
		inDryRun[i] = f
	}
	require.ElementsMatch(t, inDryRun, dry.Findings)
	require.Equal(t, before, filesBelow(t, product.uploadDir(t)), "a dry run changes nothing")
	require.Equal(t, points+6, stores.points("client_id", string(shop.ID)))
	require.Equal(t, wellBefore, stores.points("document_id", string(well.ID)))

	result := stores.clean(false)
	require.ElementsMatch(t, wanted, result.Findings)
	require.Equal(t, 10, result.Blobs)
	require.Equal(t, 2, result.Revisions)
	require.ElementsMatch(t, append(untouched, foreign, young), filesBelow(t, product.uploadDir(t)))
	require.Equal(t, points, stores.points("client_id", string(shop.ID)))
	require.Equal(t, points, stores.points("document_id", string(live.ID)))
	require.Equal(t, well.ChunksTotal, stores.points("document_id", string(well.ID)), "the index is whole again")
	for _, document := range []chatconnect.Document{shop.document(live.ID), other.document(well.ID)} {
		require.Equal(t, chatconnect.StatusReady, document.Status)
	}
	require.Contains(t, other.ask(questions[0].question).Text, questions[0].answer)
	metrics := scrape(t, product.MetricsURL())
	require.Contains(t, metrics, `chatconnect_janitor_findings_total{action="deleted",kind="orphan_blob"} 4`)
	require.Contains(t, metrics, `chatconnect_janitor_findings_total{action="repaired",kind="missing_points"} 1`)

	require.NoError(t, os.Remove(foreign))
	product.change(t, `delete from documents where id = $1`, stuck)
	require.Empty(t, stores.clean(false).Findings)
}

// TestJanitorDoubtsTheDatabase: with a database that knows nothing, nothing is
// deleted.
func TestJanitorDoubtsTheDatabase(t *testing.T) {
	t.Parallel()
	product := startProduct(t)
	stores := product.storage(t)
	shop := newTenant(t, product.URL(), chatconnect.TierFree)
	live := shop.learn(file{"tea.txt", []byte("Tea is served at four.")})[0]
	stores.ingested(live)
	files := filesBelow(t, product.uploadDir(t))
	for _, path := range files {
		require.NoError(t, os.Chtimes(path, time.Time{}, time.Now().Add(-48*time.Hour)))
	}
	product.change(t, `delete from documents`)
	result := stores.clean(false)
	require.ElementsMatch(t, []temporal.Finding{
		{Kind: temporal.FindingOrphanBlob, Action: temporal.ActionHeld, Count: 1},
		{Kind: temporal.FindingOrphanPoints, Action: temporal.ActionHeld, Count: 1},
	}, result.Findings)
	require.Equal(t, files, filesBelow(t, product.uploadDir(t)))
	require.Equal(t, 1, stores.points("document_id", string(live.ID)))
}

// TestJanitorSchedule: workers make the schedule, by their settings, and leave
// an operator's pause alone.
func TestJanitorSchedule(t *testing.T) {
	t.Parallel()
	product := startProduct(t)
	stores := product.storage(t)
	ctx := t.Context()
	handle := stores.flow.ScheduleClient().GetHandle(ctx, temporal.ScheduleJanitor)
	schedule := func() client.Schedule {
		described, err := handle.Describe(ctx)
		require.NoError(t, err)
		return described.Schedule
	}
	stores.clean(false) // waits until it is there, too
	require.True(t, schedule().State.Paused, "JANITOR_INTERVAL=0")
	for range 2 {
		require.NoError(t, temporal.EnsureJanitor(ctx, stores.flow, 20*time.Minute))
		require.False(t, schedule().State.Paused)
		require.Equal(t, 20*time.Minute, schedule().Spec.Intervals[0].Every)
		require.Positive(t, schedule().Spec.Jitter)
	}
	require.NoError(t, handle.Pause(ctx, client.SchedulePauseOptions{Note: "maintenance"}))
	require.NoError(t, temporal.EnsureJanitor(ctx, stores.flow, time.Hour))
	require.True(t, schedule().State.Paused)
	require.Equal(t, time.Hour, schedule().Spec.Intervals[0].Every)
	require.NoError(t, handle.Unpause(ctx, client.ScheduleUnpauseOptions{}))
	require.NoError(t, temporal.EnsureJanitor(ctx, stores.flow, 0))
	require.True(t, schedule().State.Paused)
}

// TestExpirySchedule: an upgraded worker brings the schedule up to date and
// leaves an operator's pause alone.
func TestExpirySchedule(t *testing.T) {
	t.Parallel()
	stores := startProduct(t).storage(t)
	stores.expireChats() // waits until it is there
	ctx := t.Context()
	handle := stores.flow.ScheduleClient().GetHandle(ctx, temporal.ScheduleExpireChats)
	require.NoError(t, handle.Update(ctx, client.ScheduleUpdateOptions{DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		present := in.Description.Schedule // as an earlier version may have made it
		present.Spec.Intervals[0].Every = 5 * time.Hour
		return &client.ScheduleUpdate{Schedule: &present}, nil
	}}))
	// A description waits for what was sent before it. Sent together, the server
	// pauses first and updates then, to the state before the pause.
	described, err := handle.Describe(ctx)
	require.NoError(t, err)
	require.Equal(t, 5*time.Hour, described.Schedule.Spec.Intervals[0].Every)
	require.NoError(t, handle.Pause(ctx, client.SchedulePauseOptions{Note: "maintenance"}))
	for _, paused := range []bool{true, false} {
		require.NoError(t, temporal.EnsureExpireChats(ctx, stores.flow))
		described, err := handle.Describe(ctx)
		require.NoError(t, err)
		require.Equal(t, paused, described.Schedule.State.Paused)
		require.Equal(t, time.Hour, described.Schedule.Spec.Intervals[0].Every)
		require.Equal(t, 10*time.Minute, described.Schedule.Spec.Jitter)
		require.NoError(t, handle.Unpause(ctx, client.ScheduleUnpauseOptions{}))
	}
}
