package temporal

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
)

// TestDecodeHandler asks it as Temporal's tools do, through a rotation of keys.
func TestDecodeHandler(t *testing.T) {
	t.Parallel()
	old, err := NewDataConverter("2025:" + key(1))
	require.NoError(t, err)
	rotated, err := NewDataConverter("2026:" + key(2) + ",2025:" + key(1))
	require.NoError(t, err)
	var payloads []*commonpb.Payload
	for _, c := range []converter.DataConverter{old, rotated, converter.GetDefaultDataConverter()} {
		payload, err := c.ToPayload("what does it cost?")
		require.NoError(t, err)
		payloads = append(payloads, payload)
	}
	serve := func(keys string) converter.PayloadCodec {
		handler, err := NewDecodeHandler(keys)
		require.NoError(t, err)
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		return converter.NewRemotePayloadCodec(converter.RemotePayloadCodecOptions{Endpoint: server.URL, Client: *server.Client()})
	}
	remote := serve("2027:" + key(3) + ",2026:" + key(2) + ",2025:" + key(1))
	decoded, err := remote.Decode(payloads)
	require.NoError(t, err)
	for _, payload := range decoded {
		var text string
		require.NoError(t, converter.GetDefaultDataConverter().FromPayload(payload, &text))
		require.Equal(t, "what does it cost?", text)
	}
	_, err = remote.Encode(decoded)
	require.ErrorContains(t, err, "decodes only")
	_, err = serve("2026:" + key(2)).Decode(payloads)
	require.ErrorContains(t, err, `key "2025"`, "its key has been dropped")

	_, err = NewDecodeHandler("")
	require.Error(t, err)
	handler, err := NewDecodeHandler("a:" + key(1))
	require.NoError(t, err)
	r := httptest.NewRecorder()
	handler.ServeHTTP(r, httptest.NewRequest(http.MethodPost, "/decode", strings.NewReader("not JSON")))
	require.Equal(t, http.StatusBadRequest, r.Code)
}
