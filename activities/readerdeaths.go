package activities

import (
	"context"
	"log/slog"
	"sync"

	"go.temporal.io/sdk/activity"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

// maxReaderDeaths is how often the file reader may die on one document while
// it works without it. Five attempts lie 15 s apart: an operator's signal or a
// short want of memory doesn't cost anybody a document.
const maxReaderDeaths = 5

var errReaderDies = chatconnect.Errorf(chatconnect.KindInvalid, chatconnect.CodeTooComplex,
	"The file reader stopped each time it tried to read this document, though it reads others. Split or simplify the document and upload the parts.")

// readerDeaths counts, over all attempts at a document, the deaths of the
// reader's process. Heartbeats carry the count from one attempt to the next,
// whichever worker makes it.
type readerDeaths struct {
	mu    sync.Mutex
	count int
}

// earlierDeaths returns the count of the attempts before this one.
func earlierDeaths(ctx context.Context) *readerDeaths {
	d := &readerDeaths{}
	if activity.HasHeartbeatDetails(ctx) {
		_ = activity.GetHeartbeatDetails(ctx, &d.count) // an earlier release wrote none: count from zero
	}
	return d
}

// beat records a heartbeat with the count; one without would erase it.
func (d *readerDeaths) beat(ctx context.Context) {
	d.mu.Lock()
	defer d.mu.Unlock()
	activity.RecordHeartbeat(ctx, d.count)
}

func (d *readerDeaths) add(ctx context.Context) int {
	d.mu.Lock()
	d.count++
	count := d.count
	d.mu.Unlock()
	d.beat(ctx)
	return count
}

// blameReader decides who is to blame that the reader's process died. If it
// can't work without a document either, the document waits, as in any outage.
// If it can, the death counts, and the last of maxReaderDeaths is final: the
// document would be tried for ever, and take a reader's place each time.
func (a *Ingestion) blameReader(ctx context.Context, in *temporal.IngestInput, deaths *readerDeaths, err error) error {
	if err == nil || ctx.Err() != nil || chatconnect.AsError(err).Code != chatconnect.CodeParserStopped {
		return err
	}
	if unable := a.Parser.Probe(ctx, in.Type); unable != nil {
		a.Logger.ErrorContext(ctx, "file reader can't work: documents wait",
			slog.String("document_id", string(in.DocumentID)), slog.Any("error", unable), slog.Any("death", err))
		return unable
	}
	count := deaths.add(ctx)
	a.Logger.WarnContext(ctx, "file reader died on a document",
		slog.String("document_id", string(in.DocumentID)), slog.Int("deaths", count), slog.Int("most", maxReaderDeaths), slog.Any("error", err))
	if count < maxReaderDeaths {
		return err
	}
	return errReaderDies.Because(err)
}
