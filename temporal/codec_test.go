package temporal

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
)

func key(fill byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, 32)) }

func TestCodecHidesAndRestores(t *testing.T) {
	t.Parallel()
	old, err := NewDataConverter("2025:" + key(1))
	require.NoError(t, err)
	payload, err := old.ToPayload("what does it cost?")
	require.NoError(t, err)
	require.NotContains(t, payload.String(), "cost")

	rotated, err := NewDataConverter("2026:" + key(2) + ", 2025:" + key(1))
	require.NoError(t, err)
	var text string
	require.NoError(t, rotated.FromPayload(payload, &text))
	require.Equal(t, "what does it cost?", text)

	fresh, err := rotated.ToPayload("x")
	require.NoError(t, err)
	require.Error(t, old.FromPayload(fresh, &text), "the old key alone can't read what the new one wrote")

	payload.Data[len(payload.Data)-1] ^= 1
	require.Error(t, rotated.FromPayload(payload, &text), "a changed payload is refused")

	plain, err := NewDataConverter("")
	require.NoError(t, err)
	before, err := plain.ToPayload("from before encryption")
	require.NoError(t, err)
	require.NoError(t, rotated.FromPayload(before, &text))
	require.Equal(t, "from before encryption", text)
}

func TestCodecRefusesBadKeys(t *testing.T) {
	t.Parallel()
	for _, keys := range []string{"x", "id:short", key(1), "a:" + key(1) + ",a:" + key(2)} {
		_, err := NewDataConverter(keys)
		require.ErrorContains(t, err, "TEMPORAL_CODEC_KEY", keys)
	}
}

func TestFailuresAreHidden(t *testing.T) {
	t.Parallel()
	cause := errors.New("400: the prompt \"what does it cost?\" is refused")
	failed := EncodeError(chatconnect.Errorf(chatconnect.KindInvalid, "model_refused", "The model refused.").Because(cause))
	for name, keys := range map[string]string{"encrypted": "2026:" + key(2), "plain": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failures, err := NewFailureConverter(keys)
			require.NoError(t, err)
			failure := failures.ErrorToFailure(failed)
			require.Equal(t, keys == "", strings.Contains(failure.String(), "cost"))
			decoded := DecodeError(failures.FailureToError(failure))
			require.Equal(t, chatconnect.KindInvalid, decoded.Kind)
			require.Equal(t, "model_refused", decoded.Code)
			require.Equal(t, "The model refused.", decoded.Message)
			require.ErrorContains(t, decoded.Err, "The model refused.")
		})
	}
}
