package demo_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/dev/demo"
)

// documents counts what the demo account sees, over all its clients.
func documents(t *testing.T, url, password string) int {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	browser := &http.Client{Jar: jar}
	login, err := json.Marshal(map[string]string{"email": demo.Email, "password": password})
	require.NoError(t, err)
	call(t, browser, http.MethodPost, url+"/api/auth/login", login, nil)
	var clients struct{ Clients []struct{ ID string } }
	call(t, browser, http.MethodGet, url+"/api/dashboard/clients", nil, &clients)
	require.Len(t, clients.Clients, 1)
	var list struct{ Documents []struct{ Name string } }
	call(t, browser, http.MethodGet, url+"/api/dashboard/documents?clientId="+clients.Clients[0].ID, nil, &list)
	return len(list.Documents)
}

func call(t *testing.T, browser *http.Client, method, url string, body []byte, into any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	require.NoError(t, err)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := browser.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(t, http.StatusOK, response.StatusCode)
	if into != nil {
		require.NoError(t, json.NewDecoder(response.Body).Decode(into))
	}
}
