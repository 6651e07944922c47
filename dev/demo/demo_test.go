package demo_test

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/cmd/chatconnect/app"
	"github.com/chatconnect/chatconnect/dev/demo"
	"github.com/chatconnect/chatconnect/dev/stack/stacktest"
	"github.com/chatconnect/chatconnect/internal/config"
	"github.com/chatconnect/chatconnect/internal/document"
)

func TestMain(m *testing.M) {
	document.RunChildIfAsked()
	os.Exit(m.Run())
}

func TestCreateIsIdempotent(t *testing.T) {
	t.Parallel()
	url := startApp(t)
	first, err := demo.Create(t.Context(), url, url, "a good password")
	require.NoError(t, err)
	require.Equal(t, demo.Email, first.Email)
	require.NotEmpty(t, first.ClientID)
	require.Regexp(t, "^pk_live_", first.PublishableKey)

	second, err := demo.Create(t.Context(), url, url, "a good password")
	require.NoError(t, err)
	require.Equal(t, first, second)
	require.Equal(t, 1, documents(t, url, "a good password"))

	_, err = demo.Create(t.Context(), url, url, "another password")
	require.ErrorContains(t, err, "email_taken")
}

// An API that is known by another name answers for no other.
func TestCreateWithAPublicURL(t *testing.T) {
	t.Parallel()
	const public = "https://chat.example.com"
	address := startApp(t, "PUBLIC_URL="+public)
	first, err := demo.Create(t.Context(), address, public, "a good password")
	require.NoError(t, err)
	require.Regexp(t, "^pk_live_", first.PublishableKey)
	again, err := demo.Create(t.Context(), address, public, "a good password")
	require.NoError(t, err)
	require.Equal(t, first, again)
	_, err = demo.Create(t.Context(), address, address, "a good password")
	require.ErrorContains(t, err, "host_unknown")
}

// startApp runs the app on the shared stack, with settings of its own.
func startApp(t *testing.T, own ...string) string {
	t.Helper()
	settings, err := config.Load(append(append(stacktest.Environ(t), "SHUTDOWN_TIMEOUT=1m"), own...))
	require.NoError(t, err)
	a, err := app.New(t.Context(), settings, app.Options{
		Roles: app.Roles{API: true, Worker: true}, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	select {
	case <-a.Ready():
	case <-time.After(2 * time.Minute):
		t.Fatal("the app does not get ready")
	}
	return a.URL()
}
