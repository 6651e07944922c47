package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
)

func TestLoadDefaults(t *testing.T) {
	t.Parallel()
	c, err := Load([]string{"UPLOAD_DIR=/srv/uploads"})
	require.NoError(t, err)
	require.Equal(t, 5000, c.Port)
	require.Equal(t, int64(10485760), c.MaxFileSize)
	require.Equal(t, "gpt-4o-mini", c.FreeModel)
	require.Equal(t, "file:///srv/uploads/blobs", c.BlobURL)
	require.False(t, c.LocalHostsOnly())
	require.Equal(t, "0.7", c.Temperature.String(), "the specification's")
	require.Equal(t, chatconnect.RegistrationClosed, c.Registration)
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ env, says string }{
		{"CHATCONNECT_PORT=1", "CHATCONNECT_PORT is not a setting"},
		{"PORT=http", `"Port"`},
		{"PORT=70000", "PORT must be between"},
		{"MAX_FILE_SIZE=0", "MAX_FILE_SIZE must be"},
		{"WORKERS=0", "WORKERS must be"},
		{"MAX_CONNECTIONS=0", "MAX_CONNECTIONS must be"},
		{"MAX_CONNECTIONS_PER_ADDRESS=-1", "MAX_CONNECTIONS_PER_ADDRESS must be"},
		{"MAX_UPLOADS=0", "MAX_UPLOADS must be"},
		{"MAX_UPLOADS_PER_USER=0", "MAX_UPLOADS_PER_USER must be"},
		{"MAX_STAGED_BYTES=0", "MAX_STAGED_BYTES must be"},
		{"MAX_STAGED_BYTES_PER_USER=0", "MAX_STAGED_BYTES_PER_USER must be"},
		{"UPLOAD_DISK_RESERVE=-1", "UPLOAD_DISK_RESERVE must be"},
		{"INTERNAL_API_SECRET=short", "INTERNAL_API_SECRET has 5 characters; it must have at least 32"},
		{"REGISTRATION=everybody", "REGISTRATION must be"},
		{"EMBEDDING_CONCURRENCY=0", "EMBEDDING_CONCURRENCY must be"},
		{"JANITOR_INTERVAL=10s", "JANITOR_INTERVAL must be"},
		{"JANITOR_INTERVAL=-1h", "JANITOR_INTERVAL must be"},
		{"EMBEDDING_BATCHES_PER_SECOND=-1", "EMBEDDING_BATCHES_PER_SECOND must be"},
		{"EMBEDDING_BATCHES_PER_SECOND=NaN", "EMBEDDING_BATCHES_PER_SECOND must be"},
		{"TEMPERATURE=2.5", "from 0 to 2"},
		{"TEMPERATURE=NaN", "from 0 to 2"},
		{"TEMPERATURE=warm", "or default"},
		{"LOG_LEVEL=loud", `"LogLevel"`},
		{"OPENAI_BASE_URL=localhost:8080", "OPENAI_BASE_URL must be a URL"},
		{"SESSION_SECRET_FILE=/nonexistent", "SESSION_SECRET_FILE"},
	} {
		t.Run(test.env, func(t *testing.T) {
			t.Parallel()
			_, err := Load([]string{test.env})
			require.ErrorContains(t, err, test.says)
		})
	}
}

func TestSecretFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(path, []byte("from the file\n"), 0o600))
	c, err := Load([]string{"SESSION_SECRET_FILE=" + path})
	require.NoError(t, err)
	require.Equal(t, Secret("from the file"), c.SessionSecret)

	_, err = Load([]string{"SESSION_SECRET_FILE=" + path, "SESSION_SECRET=x"})
	require.ErrorContains(t, err, "both set")
}

func TestRequireNamesAllThatIsMissing(t *testing.T) {
	t.Parallel()
	c, err := Load(nil)
	require.NoError(t, err)
	err = c.RequireAPI()
	for _, name := range []string{"DATABASE_URL", "REDIS_URL", "QDRANT_URL", "TEMPORAL_ADDRESS", "SESSION_SECRET"} {
		require.ErrorContains(t, err, name)
	}
}

func TestPrintMasksSecrets(t *testing.T) {
	t.Parallel()
	c, err := Load([]string{
		"DATABASE_URL=postgres://app:hunter2@db/chat", "OPENAI_API_KEY=sk-very-secret", "SESSION_SECRET=abcdefgh",
	})
	require.NoError(t, err)
	var out strings.Builder
	require.NoError(t, c.Print(&out))
	require.Contains(t, out.String(), "postgres://app:xxxxx@db/chat")
	for _, secret := range []string{"hunter2", "sk-very-secret", "abcdefgh"} {
		require.NotContains(t, out.String(), secret)
	}
}
