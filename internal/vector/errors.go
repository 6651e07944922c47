package vector

import (
	"context"
	"errors"
	"fmt"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

var (
	errUnavailable = chatconnect.Errorf(chatconnect.KindUnavailable, "vector_store_unavailable",
		"The search index can't be reached at the moment. Please try again.")
	errRefused = chatconnect.Errorf(chatconnect.KindInternal, "vector_store_error",
		"The search index refused the request.")
	errDimensions = chatconnect.Errorf(chatconnect.KindInternal, "vector_dimensions",
		"The embedding does not have the dimensions of the search index.")
	errClient = chatconnect.Errorf(chatconnect.KindInternal, "vector_client_missing",
		"The search index can't be used without a client.")
)

// storeError gives an error of the client its meaning. ctx is the caller's
// context, without the timeout of the single call: if it has ended, that is
// the reason.
func storeError(ctx context.Context, operation string, err error) error {
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("vector: %s: %w", operation, ended)
	}
	cause := fmt.Errorf("vector: %s: %w", operation, err)

	var exhausted *qdrant.QdrantResourceExhaustedError
	if errors.As(err, &exhausted) {
		limited := errUnavailable.Because(cause)
		limited.RetryAfter = time.Duration(exhausted.RetryAfterS) * time.Second
		return limited
	}
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Aborted, codes.Canceled,
		// A wrong key is the operator's to mend; until then work waits
		// instead of failing documents for good.
		codes.Unauthenticated, codes.PermissionDenied,
		// So is a server that can't do its work, because its disk is full, say.
		codes.Internal, codes.Unknown, codes.DataLoss:
		return errUnavailable.Because(cause)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return errUnavailable.Because(cause)
	}
	return errRefused.Because(cause)
}

func isNotFound(err error) bool      { return status.Code(err) == codes.NotFound }
func isAlreadyExists(err error) bool { return status.Code(err) == codes.AlreadyExists }
