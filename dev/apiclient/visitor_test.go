package apiclient_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/dev/apiclient"
)

// serve answers every request with the text.
func serve(t *testing.T, status int, text string) apiclient.Visitor {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(server.Close)
	return apiclient.Visitor{Base: server.URL, Key: "pk_live_x", HTTP: server.Client()}
}

func TestStreamReadsEventsPastComments(t *testing.T) {
	t.Parallel()
	stream, err := serve(t, http.StatusOK, "id: 1\nevent: token\ndata: {\"text\":\"a: b\"}\n\n: keep-alive\n\nevent: reconnect\ndata: {}\n\n").Ask(t.Context(), "?")
	require.NoError(t, err)
	defer stream.Close()
	event, err := stream.Next()
	require.NoError(t, err)
	require.Equal(t, apiclient.Event{ID: 1, Name: "token", Data: []byte(`{"text":"a: b"}`)}, event)
	event, err = stream.Next()
	require.NoError(t, err)
	require.Equal(t, apiclient.Event{Name: "reconnect", Data: []byte(`{}`)}, event)
	_, err = stream.Next()
	require.ErrorIs(t, err, io.EOF)
}

func TestStreamCutInMidEventIsNoEnd(t *testing.T) {
	t.Parallel()
	stream, err := serve(t, http.StatusOK, "id: 1\nevent: token\ndata: {}\n").Ask(t.Context(), "?")
	require.NoError(t, err)
	defer stream.Close()
	_, err = stream.Next()
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

func TestRefusalIsAProblem(t *testing.T) {
	t.Parallel()
	_, err := serve(t, http.StatusTooManyRequests, `{"code":"rate_limited","detail":"Wait.","status":1}`).Ask(t.Context(), "?")
	var problem *apiclient.Problem
	require.ErrorAs(t, err, &problem)
	require.Equal(t, apiclient.Problem{Method: "POST", Path: "/chat/stream", Status: 429, Code: "rate_limited", Detail: "Wait."}, *problem)

	_, err = serve(t, http.StatusBadGateway, `<html>`).NewSession(t.Context())
	require.ErrorAs(t, err, &problem)
	require.Equal(t, "unknown", problem.Code)
}
