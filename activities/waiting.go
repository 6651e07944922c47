package activities

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

// stageEmbedding is the sentence of a document whose chunks are being embedded
// without trouble.
const stageEmbedding = "Making the text searchable"

// failed ends an attempt at the stage of the given status. The next one puts
// the stage's usual sentence back when it begins.
func (a *Ingestion) failed(ctx context.Context, in *temporal.IngestInput, status chatconnect.Status, err error) error {
	return encode(ctx, a.sayWhy(ctx, in, status, err))
}

// sayWhy has the document say what its stage waits for and until when, if err
// is one that waiting may mend, and returns the error that makes it true: its
// RetryAfter is the time named. Any other error is returned as it is. That the
// database is away can be said only once it is back, before the next try.
func (a *Ingestion) sayWhy(ctx context.Context, in *temporal.IngestInput, status chatconnect.Status, err error) error {
	if err == nil {
		return nil
	}
	e := chatconnect.AsError(err)
	if ctx.Err() != nil || (e.Kind != chatconnect.KindRateLimited && e.Kind != chatconnect.KindUnavailable) {
		return err
	}
	waiting := *e
	waiting.Err = err // with what was said on the way up
	if waiting.RetryAfter <= 0 {
		waiting.RetryAfter = temporal.StagePause(int(activity.GetInfo(ctx).Attempt))
	}
	switch told := a.advance(ctx, in, chatconnect.DocumentProgress{
		Status: status, Stage: waitingStage(&waiting, time.Now()),
	}); {
	case errors.Is(told, errSuperseded):
		return told // nobody waits any more
	case told != nil:
		a.Logger.WarnContext(ctx, "the document does not say why it waits", "document_id", in.DocumentID, "error", told)
	}
	return &waiting
}

// waitIsOver puts the usual sentence back once a batch went through: batches
// begin side by side, and one that begins says nothing of those that wait.
func (a *Ingestion) waitIsOver(ctx context.Context, in *temporal.IngestInput, document chatconnect.Document) error {
	if document.Status != chatconnect.StatusEmbedding || document.Stage == stageEmbedding || document.Version != in.Version {
		return nil
	}
	return a.advance(ctx, in, chatconnect.DocumentProgress{Status: chatconnect.StatusEmbedding, Stage: stageEmbedding})
}

// waitingStage is the sentence: "The embedding provider is rate limiting; next
// try at 14:03:20 UTC." Never earlier than the try, so that nobody looks for a
// change before it can be there.
func waitingStage(e *chatconnect.Error, now time.Time) string {
	why := "The embedding provider is unavailable"
	switch {
	case e.Code == errDocumentWaits.Code:
		why = "This month’s tokens are used up; reading goes on next month or with a higher limit"
	case e.Code == "model_credentials_invalid":
		why = "The embedding provider refuses the API key"
	case e.Code == "model_not_found":
		why = "The embedding provider does not know the model"
	case e.Code == chatconnect.ErrNoEmbedder.Code:
		why = "The embedding model of a search index that is being built is not set up"
	case e.Kind == chatconnect.KindRateLimited:
		why = "The embedding provider is rate limiting"
	case strings.HasPrefix(e.Code, "model_"):
	case strings.HasPrefix(e.Code, "vector_"):
		why = "The search index is unavailable"
	case strings.HasPrefix(e.Code, "storage_"):
		why = "The file storage is unavailable"
	case strings.HasPrefix(e.Code, "database_"):
		why = "The database was unavailable"
	case e.Code == chatconnect.CodeParserUnavailable:
		why = "The file reader can't start on this server"
	case e.Code == chatconnect.CodeParserStopped:
		why = "The file reader was stopped"
	default:
		why = "A service is unavailable"
	}
	next := now.Add(e.RetryAfter + time.Second - 1).UTC().Truncate(time.Second)
	return why + "; next try at " + next.Format(time.TimeOnly) + " UTC."
}
