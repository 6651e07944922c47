package postgres

import (
	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/postgres/sqlcgen"
)

// usageOf is the record of a version that has just become ready: its cost, and
// its times out of the stages that the document shows, so that what people saw
// and what is recorded can't differ.
func usageOf(document chatconnect.Document, cost chatconnect.IngestionCost) sqlcgen.RecordIngestionParams {
	took := map[string]int64{}
	var total, atWork int64
	for _, stage := range document.Stages {
		if stage.Milliseconds == nil {
			continue
		}
		took[stage.Name] += *stage.Milliseconds
		if stage.Name != chatconnect.StageUpload && stage.Name != chatconnect.StageQueue {
			atWork += *stage.Milliseconds
		}
		total = max(total, stage.StartedAt.Sub(document.Stages[0].StartedAt).Milliseconds()+*stage.Milliseconds)
	}
	return sqlcgen.RecordIngestionParams{
		ClientID: document.ClientID, DocumentID: document.ID, Version: document.ActiveVersion,
		FileType: string(document.Type), Bytes: document.Size,
		Chunks: cost.Chunks, Tokens: int64(cost.Tokens),
		EmbeddingModel: clip(cost.EmbeddingModel, 200),
		QueuedMs:       max(0, total-atWork),
		ParseMs:        took[chatconnect.StageParse], ChunkMs: took[chatconnect.StageChunk], EmbedMs: took[chatconnect.StageEmbed],
		TotalMs: total,
	}
}
