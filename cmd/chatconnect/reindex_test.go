package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

func TestProgressLine(t *testing.T) {
	t.Parallel()
	progress := temporal.ReindexProgress{
		Stage: temporal.ReindexEmbedding, DocumentsDone: 2, DocumentsTotal: 5, ChunksDone: 70, ChunksTotal: 200, Pass: 1,
	}
	later := progress
	later.Pass, later.Waiting = 2, "The model is busy. Next try at 14:03:20 UTC (attempt 3)."
	for want, status := range map[string]temporal.ReindexStatus{
		"waiting: no worker answers":                    {Running: true},
		"embedding: 2 of 5 documents, 70 of 200 chunks": {Answered: true, Progress: progress},
		"removing": {Answered: true, Progress: temporal.ReindexProgress{Stage: temporal.ReindexRemoving}},
		"settling: until every process writes to the new index too":                                                                {Answered: true, Progress: temporal.ReindexProgress{Stage: temporal.ReindexSettling}},
		"embedding: 2 of 5 documents, 70 of 200 chunks; pass 2; waiting: The model is busy. Next try at 14:03:20 UTC (attempt 3).": {Answered: true, Progress: later},
	} {
		require.Equal(t, want, progressLine(&status))
	}
}

func TestResultLine(t *testing.T) {
	t.Parallel()
	plan := temporal.ReindexPlan{
		From: chatconnect.Generation{Model: "old"}, To: chatconnect.Generation{Model: "new"}, Documents: 3, Chunks: 40,
	}
	require.Equal(t, "done: 3 documents, 40 chunks; searches use new; the index of old has been removed (41 chunks embedded, 7 tokens)",
		resultLine(temporal.ReindexResult{ReindexPlan: plan, Embedded: 41, Tokens: 7}))
	plan.InPlace = true
	require.Contains(t, resultLine(temporal.ReindexResult{ReindexPlan: plan}), "nothing to do: the index was built with new")
	require.Contains(t, resultLine(temporal.ReindexResult{ReindexPlan: plan, Embedded: 4}), "4 chunks were missing")
}
