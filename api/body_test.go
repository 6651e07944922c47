package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/temporal"
)

// TestBodiesWithAByteOrderMark: PowerShell and others put one before UTF-8.
func TestBodiesWithAByteOrderMark(t *testing.T) {
	t.Parallel()
	const mark = "\ufeff"
	b := setup(t)
	owner, client, key := b.tenant("a@example.com")
	b.workflows.onStart = func(r *run, in temporal.ChatInput) { r.finish(result42(in)) }
	visitor := b.visitor(client, key)
	server := b.browser().with("X-Api-Key", owner.secretKey(client))
	internal := b.browser().with("X-Internal-Secret", "internal secret")
	for name, r := range map[string]response{
		"POST /chat":             visitor.post("/chat", mark+`{"message":"Hi","sessionId":"s1","messageId":"m1"}`),
		"stop":                   visitor.post("/chat/m1/stop", mark+`{"sessionId":"s1"}`),
		"feedback":               visitor.post("/chat/m1/feedback", mark+`{"sessionId":"s1","rating":"up"}`),
		"embed":                  server.post("/embed", mark+`{"texts":["a"]}`),
		"login":                  b.browser().post("/api/auth/login", mark+`{"email":"a@example.com","password":"correct horse"}`),
		"new client":             owner.post("/api/dashboard/clients", mark+`{"name":"Second"}`),
		"change of a client":     owner.do(t.Context(), "PATCH", "/api/dashboard/clients/"+string(client), mark+`{"name":"Renamed"}`),
		"internal client lookup": internal.post("/internal/validate-client", mark+`{"client_id":"`+string(client)+`"}`),
	} {
		require.Less(t, r.StatusCode, 300, "%s: %s", name, r.body)
	}
	visitor.post("/chat", mark+mark+`{"message":"Hi","sessionId":"s1"}`).problem(t, 400, "body_invalid")
	visitor.post("/chat", mark).problem(t, 400, "body_invalid")
}
