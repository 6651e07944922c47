package temporal

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdktemporal "go.temporal.io/sdk/temporal"

	chatconnect "github.com/chatconnect/chatconnect"
)

func TestErrorsComeOutAsTheyWentIn(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		in           *chatconnect.Error
		nonRetryable bool
	}{
		{chatconnect.Errorf(chatconnect.KindInvalid, chatconnect.CodeScanned, "No text."), true},
		{chatconnect.ErrNotFound, true},
		{&chatconnect.Error{Kind: chatconnect.KindRateLimited, Code: "model_rate_limited", Message: "Busy.", RetryAfter: 7 * time.Second}, false},
		{chatconnect.Errorf(chatconnect.KindUnavailable, "vector_store_unavailable", "Away."), false},
		{chatconnect.AsError(errors.New("bug")), false},
	} {
		t.Run(test.in.Code, func(t *testing.T) {
			t.Parallel()
			encoded := EncodeError(test.in)
			var app *sdktemporal.ApplicationError
			require.ErrorAs(t, encoded, &app)
			require.Equal(t, test.nonRetryable, app.NonRetryable())
			require.Equal(t, test.in.RetryAfter, app.NextRetryDelay())
			require.Same(t, app, EncodeError(encoded), "encoding twice changes nothing")

			decoded := DecodeError(encoded)
			require.Equal(t, test.in.Kind, decoded.Kind)
			require.Equal(t, test.in.Code, decoded.Code)
			require.Equal(t, test.in.Message, decoded.Message)
			require.Equal(t, test.in.RetryAfter, decoded.RetryAfter)
		})
	}
	require.NoError(t, EncodeError(nil))
}
