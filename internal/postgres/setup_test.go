package postgres_test

import (
	"context"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/pgserver/pgtest"
	"github.com/chatconnect/chatconnect/internal/postgres"
)

const patience = 2 * time.Minute

// bundle is a store on a database of its own with one client in it.
type bundle struct {
	*testing.T
	url    string // as superuser
	login  string // as the product
	store  *postgres.Store
	owner  chatconnect.User
	client chatconnect.ClientID
}

func setup(t *testing.T) *bundle {
	t.Helper()
	url := pgtest.ForTest(t)
	login := pgtest.Runtime(t, url)
	// However busy the machine is, no statement here takes too long.
	store, err := postgres.New(t.Context(), postgres.Options{
		URL: login, StatementTimeout: patience, LockTimeout: patience, ConnectTimeout: patience,
	})
	require.NoError(t, err)
	t.Cleanup(store.Close)
	b := &bundle{T: t, url: url, login: login, store: store}
	b.owner = b.newUser()
	b.client = b.newClient(b.owner.ID).ID
	return b
}

func (b *bundle) newUser() chatconnect.User {
	b.Helper()
	user, err := b.store.CreateUser(b.Context(), chatconnect.User{Email: uuid.NewString() + "@example.com", Name: "Ada"}, "hash")
	require.NoError(b, err)
	return user
}

func (b *bundle) newClient(owner chatconnect.UserID) chatconnect.Client {
	b.Helper()
	client, err := b.store.CreateClient(b.Context(),
		chatconnect.Client{Name: "Acme", PublishableKey: "pk_live_" + uuid.NewString()}, owner)
	require.NoError(b, err)
	return client
}

func (b *bundle) newDocument() chatconnect.Document {
	b.Helper()
	document, err := b.store.CreateDocument(b.Context(), b.client, chatconnect.Document{
		Name: "manual.pdf", Size: 1234, Type: chatconnect.TypePDF, SHA256: sum(uuid.NewString()), BlobKey: "k", WorkflowID: "w",
	})
	require.NoError(b, err)
	return document
}

// advance fails the test if the step is refused.
func (b *bundle) advance(document chatconnect.Document, progress chatconnect.DocumentProgress) (chatconnect.Document, bool) {
	b.Helper()
	progress.DocumentID, progress.Version = document.ID, max(progress.Version, 1)
	document, changed, err := b.store.UpdateProgress(b.Context(), b.client, progress)
	require.NoError(b, err)
	return document, changed
}

func (b *bundle) knowledge() chatconnect.Knowledge {
	b.Helper()
	knowledge, err := b.store.Knowledge(b.Context(), b.client)
	require.NoError(b, err)
	return knowledge
}

// superuser is a connection that policies do not bind.
func (b *bundle) superuser() *pgx.Conn {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), b.url)
	require.NoError(b, err)
	b.Cleanup(func() { conn.Close(context.WithoutCancel(b.Context())) })
	return conn
}

// query reads one value as superuser.
func query[T any](b *bundle, sql string, args ...any) T {
	b.Helper()
	var value T
	require.NoError(b, b.superuser().QueryRow(b.Context(), sql, args...).Scan(&value))
	return value
}

func revision(document chatconnect.Document) chatconnect.Revision {
	return chatconnect.Revision{DocumentID: document.ID, Version: document.Version}
}

func chunks(n int) []chatconnect.Chunk {
	list := make([]chatconnect.Chunk, n)
	for i := range list {
		list[i] = chatconnect.Chunk{Index: i, Content: "Text of a passage.", Tokens: 4, Page: i/3 + 1, Section: "Prices > Shipping"}
	}
	return list
}

func sum(s string) string {
	hash := sha256.Sum256([]byte(s))
	const digits = "0123456789abcdef"
	var hex []byte
	for _, b := range hash {
		hex = append(hex, digits[b>>4], digits[b&15])
	}
	return string(hex)
}

func hashOf(token string) []byte {
	hash := sha256.Sum256([]byte(token))
	return hash[:]
}

func requireKind(t testing.TB, kind chatconnect.Kind, code string, err error) {
	t.Helper()
	require.Error(t, err)
	known := chatconnect.AsError(err)
	require.Equal(t, kind, known.Kind, "%v", err)
	require.Equal(t, code, known.Code, "%v", err)
}

const unknownID = "00000000-0000-4000-8000-000000000000"
