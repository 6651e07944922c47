package temporal

import (
	"bytes"
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"
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
