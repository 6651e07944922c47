package vector

import (
	"context"
	"fmt"
	"testing"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/google/uuid"
	"github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	aClient   = chatconnect.ClientID("11111111-1111-4111-8111-111111111111")
	aDocument = chatconnect.DocumentID("22222222-2222-4222-8222-222222222222")
)

// TestPointIDNeverChanges pins ids that stores out there already hold.
func TestPointIDNeverChanges(t *testing.T) {
	t.Parallel()
	id := PointID(aClient, chatconnect.Revision{DocumentID: aDocument, Version: 3}, 14)
	require.Equal(t, "4ca20880-a4c8-534f-88aa-0c35292eac9a", id)
	parsed, err := uuid.Parse(id)
	require.NoError(t, err)
	require.EqualValues(t, 5, parsed.Version())
}

func TestPointIDsDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, client := range []chatconnect.ClientID{aClient, "33333333-3333-4333-8333-333333333333"} {
		for _, document := range []chatconnect.DocumentID{aDocument, "44444444-4444-4444-8444-444444444444"} {
			for version := range 12 {
				for chunk := range 12 {
					id := PointID(client, chatconnect.Revision{DocumentID: document, Version: version}, chunk)
					require.False(t, seen[id], "%s twice", id)
					seen[id] = true
				}
			}
		}
	}
}

func TestParseURL(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]address{
		"http://localhost":          {"localhost", 6334, false},
		"http://localhost:6334/":    {"localhost", 6334, false},
		"https://q.example.com":     {"q.example.com", 6334, true},
		"https://q.example.com:443": {"q.example.com", 443, true},
		"http://127.0.0.1:7000":     {"127.0.0.1", 7000, false},
		"http://[::1]:7000":         {"[::1]", 7000, false},
		"http://[::1]":              {"[::1]", 6334, false},
	} {
		got, err := parseURL(raw)
		require.NoError(t, err, raw)
		require.Equal(t, want, got, raw)
	}
	for _, raw := range []string{"", "localhost:6334", "grpc://host", "http://", "http://host/path", "http://host?x=1", "http://host:0", "http://host:99999", "http://user:secret@host", "http://host:secret%", "http://ho st"} {
		_, err := parseURL(raw)
		require.Error(t, err, raw)
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestNewRefusesWhatCanNeverWork(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]Options{
		"URL":        {URL: "nonsense", Model: "m", Dimensions: 3},
		"model":      {URL: "http://localhost", Dimensions: 3},
		"dimensions": {URL: "http://localhost", Model: "m"},
	} {
		_, err := New(t.Context(), options)
		require.Error(t, err, name)
	}
}

func TestCollectionName(t *testing.T) {
	t.Parallel()
	require.Equal(t, "chatconnect_text-embedding-3-large_3072", CollectionName("chatconnect", "text-embedding-3-large", 3072))
	require.Equal(t, "chatconnect_BAAI-bge-m3-v1.5_8", CollectionName("chatconnect", "BAAI/bge-m3:v1.5", 8))
}

// TestEveryFilterNamesTheClient goes over all that scope can make.
func TestEveryFilterNamesTheClient(t *testing.T) {
	t.Parallel()
	for _, invalid := range []chatconnect.ClientID{"", "x", "11111111-1111-4111-8111-11111111111G"} {
		_, err := scopeOf(invalid)
		require.Equal(t, "vector_client_missing", chatconnect.AsError(err).Code)
	}
	s, err := scopeOf(aClient)
	require.NoError(t, err)
	revision := chatconnect.Revision{DocumentID: aDocument, Version: 1}
	for _, test := range []struct {
		s      scope
		client string
	}{{s, string(aClient)}, {scope{}, ""}} {
		for _, filter := range []*qdrant.Filter{
			test.s.all(), test.s.document(aDocument), test.s.revision(revision), test.s.visible(nil), test.s.visible([]chatconnect.Revision{revision}),
		} {
			first := filter.GetMust()[0].GetField()
			require.Equal(t, keyClient, first.GetKey())
			require.Equal(t, test.client, first.GetMatch().GetKeyword())
			require.Empty(t, filter.GetShould(), "an alternative could lead around the client")
		}
	}
}

func TestForeignPointIsAnError(t *testing.T) {
	t.Parallel()
	mine, err := scopeOf(aClient)
	require.NoError(t, err)
	other, err := scopeOf("33333333-3333-4333-8333-333333333333")
	require.NoError(t, err)
	payload := other.payload(chatconnect.IndexedChunk{Chunk: chatconnect.Chunk{DocumentID: aDocument, Content: "secret"}})
	_, err = mine.passage(payload)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "secret")
	_, err = mine.passage(nil)
	require.Error(t, err)
	_, err = other.passage(payload)
	require.NoError(t, err)
}

func TestStoreError(t *testing.T) {
	t.Parallel()
	for code, kind := range map[codes.Code]chatconnect.Kind{
		codes.Unavailable:       chatconnect.KindUnavailable,
		codes.DeadlineExceeded:  chatconnect.KindUnavailable,
		codes.ResourceExhausted: chatconnect.KindUnavailable,
		codes.Unauthenticated:   chatconnect.KindUnavailable,
		codes.InvalidArgument:   chatconnect.KindInternal,
		codes.Internal:          chatconnect.KindUnavailable, // such as a full disk
		codes.Unknown:           chatconnect.KindUnavailable,
		codes.Unimplemented:     chatconnect.KindInternal,
	} {
		wrapped := fmt.Errorf("client: %w", status.Error(code, "details"))
		err := storeError(t.Context(), "search", wrapped)
		require.Equal(t, kind, chatconnect.AsError(err).Kind, code.String())
		require.NotContains(t, chatconnect.AsError(err).Message, "details")
		require.ErrorIs(t, err, wrapped)
	}
	limited := storeError(t.Context(), "search", &qdrant.QdrantResourceExhaustedError{RetryAfterS: 7})
	require.EqualValues(t, 7e9, chatconnect.AsError(limited).RetryAfter)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, storeError(ctx, "search", status.Error(codes.Canceled, "")), context.Canceled)
}
