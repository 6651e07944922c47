package api

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLoggedPathKeepsNoTokens(t *testing.T) {
	t.Parallel()
	const id = "0197f3a1-0000-7000-8000-000000000001"
	for path, want := range map[string]string{
		"/":                                      "/",
		"/api/internal/document-progress":        "/api/internal/document-progress",
		"/api/dashboard/documents/" + id:         "/api/dashboard/documents/" + id,
		"/chat/sessions/anna/messages":           "/chat/sessions/-/messages",
		"/api/dashboard/chats/" + id:             "/api/dashboard/chats/-",
		"/api/auth/verify/abc":                   "/api/auth/verify/-",
		"/unknown/pk_live_0123456789abcdef01234": "/unknown/-",
		"/api/widget/config?key=pk_x":            "/api/widget/-", // written %3F
	} {
		require.Equal(t, want, loggedPath(path))
	}
}
