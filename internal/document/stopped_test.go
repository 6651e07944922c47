package document_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/document"
)

// envMisbehave has a child end in one of the ways below: "documents: way" for
// children that are given a document only, "all: way" for every child.
const envMisbehave = "TEST_DOCUMENT_CHILD_ENDS"

func misbehaveIfAsked() {
	who, way, asked := strings.Cut(os.Getenv(envMisbehave), ": ")
	if !asked || who == "documents" && !strings.Contains(os.Getenv("CHATCONNECT_DOCUMENT_CHILD"), `"kind":"parse"`) {
		return
	}
	result := os.NewFile(3, "result")
	switch way {
	case "out of memory before ready":
		fmt.Fprintln(os.Stderr, "fatal error: runtime: out of memory")
	case "out of memory while loading":
		fmt.Fprintln(result, `{"ready":{"inForce":"none"}}`)
		fmt.Fprintln(os.Stderr, "fatal error: runtime: out of memory")
	case "silent before ready":
	case "killed":
		fmt.Fprintln(result, `{"ready":{"inForce":"none"}}`)
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			_ = self.Kill()
		}
		select {}
	case "garbage":
		fmt.Fprintln(result, `{"ready":{"inForce":"none"}}`)
		fmt.Fprintln(result, "garbage")
		time.Sleep(time.Minute) // the parent ends it
	case "unknown failure":
		fmt.Fprintln(result, `{"ready":{"inForce":"none"}}`)
		fmt.Fprintln(result, `{"failure":{"kind":"internal","code":"internal","message":"Oh."}}`)
	}
	os.Exit(2)
}

// TestDeathsOfTheChild: a child that dies for an unknown reason may do so
// through the document or through the machine. A probe without a document
// tells which.
func TestDeathsOfTheChild(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"out of memory before ready", "out of memory while loading", "silent before ready", "killed", "unknown failure"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			p := newParser(t, document.Options{})
			p.SetChildEnv(envMisbehave + "=documents: " + way)
			_, err := parse(t, p, chatconnect.TypeTXT, strings.NewReader("tea"))
			e := chatconnect.AsError(err)
			require.Equal(t, chatconnect.KindUnavailable, e.Kind, "%v", err)
			require.Equal(t, chatconnect.CodeParserStopped, e.Code, "%v", err)
			require.NoError(t, p.Probe(t.Context(), chatconnect.TypeTXT), "the parser works without the document")

			p.SetChildEnv(envMisbehave + "=all: " + way)
			err = p.Probe(t.Context(), chatconnect.TypeTXT)
			require.Equal(t, chatconnect.CodeParserUnavailable, chatconnect.AsError(err).Code, "%v", err)
		})
	}
}

// TestGarbageOfTheChild: only a document makes a child that was ready write
// what is no message. Whether the child ends by itself or is killed for it
// makes no difference.
func TestGarbageOfTheChild(t *testing.T) {
	t.Parallel()
	p := newParser(t, document.Options{})
	p.SetChildEnv(envMisbehave + "=documents: garbage")
	_, err := parse(t, p, chatconnect.TypeTXT, strings.NewReader("tea"))
	requireFailure(t, err, chatconnect.CodeCorrupt)
}

func TestProbeLoadsWhatDocumentsNeed(t *testing.T) {
	t.Parallel()
	p := newParser(t, document.Options{})
	for _, fileType := range []chatconnect.FileType{chatconnect.TypePDF, chatconnect.TypeDOCX, chatconnect.TypeCSV, chatconnect.TypeTXT} {
		require.NoError(t, p.Probe(t.Context(), fileType), fileType)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, p.Probe(ctx, chatconnect.TypeTXT), context.Canceled)
}
