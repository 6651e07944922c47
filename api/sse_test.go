package api

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSSEFormat(t *testing.T) {
	t.Parallel()
	recorder := httptest.NewRecorder()
	w := newSSEWriter(recorder)
	require.NoError(t, w.open())
	require.Equal(t, "text/event-stream", recorder.Header().Get("Content-Type"))
	require.Equal(t, "no-store, no-transform", recorder.Header().Get("Cache-Control"))
	require.Equal(t, "no", recorder.Header().Get("X-Accel-Buffering"))
	require.True(t, recorder.Flushed)

	w.event(1, "token", []byte(`{"text":"  two spaces first"}`))
	w.event(1_000_001, "sources", []byte("[\n 1,\r\n 2]"))
	w.comment("keep-alive")
	w.event(0, "reconnect", []byte("{}"))
	require.Empty(t, recorder.Body.String(), "nothing is sent before flush")
	require.NoError(t, w.flush())
	require.Equal(t, ""+
		"id: 1\nevent: token\ndata: {\"text\":\"  two spaces first\"}\n\n"+
		"id: 1000001\nevent: sources\ndata: [1,2]\n\n"+
		": keep-alive\n\n"+
		"event: reconnect\ndata: {}\n\n", recorder.Body.String())
}
