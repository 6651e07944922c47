package e2e

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/cmd/chatconnect/app"
	"github.com/chatconnect/chatconnect/dev/stack/stacktest"
	"github.com/chatconnect/chatconnect/worker"
)

// readerKiller kills the process that reads a document with readerMarker in
// it, as the kernel does when memory is short, each time it has begun.
type readerKiller struct{ chatconnect.Parser }

const readerMarker = "this document needs more memory than there is"

func (k readerKiller) Parse(ctx context.Context, fileType chatconnect.FileType, content io.Reader, onBlock func(chatconnect.Block) error, onProgress func(done, total int)) error {
	return k.Parser.Parse(ctx, fileType, content, func(block chatconnect.Block) error {
		if strings.Contains(block.Text, readerMarker) {
			// The rest of the text is more than the pipe holds: it is still at work.
			if err := killReaderOf(readerMarker); err != nil {
				return err
			}
		}
		return onBlock(block)
	}, onProgress)
}

// killReaderOf finds the child that has a file with marker open.
func killReaderOf(marker string) error {
	const documentFD = 4
	head := make([]byte, len(marker))
	for began := time.Now(); time.Since(began) < patience; time.Sleep(5 * time.Millisecond) {
		lists, _ := filepath.Glob("/proc/self/task/*/children")
		for _, list := range lists {
			children, _ := os.ReadFile(list)
			for _, child := range strings.Fields(string(children)) {
				file, err := os.Open(fmt.Sprintf("/proc/%s/fd/%d", child, documentFD))
				if err != nil {
					continue
				}
				_, _ = file.ReadAt(head, 0)
				_ = file.Close()
				if string(head) != marker {
					continue
				}
				pid, err := strconv.Atoi(child)
				if err != nil {
					return err
				}
				return syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
	return fmt.Errorf("no child reads %q", marker)
}

// TestReaderKilledOnOneDocument uploads a document whose reader is killed each
// time, and another one. The first ends with an error that its owner can act
// on; it was "processing" for ever.
func TestReaderKilledOnOneDocument(t *testing.T) {
	t.Parallel()
	product := startAdjusted(t, app.Roles{API: true, Worker: true}, stacktest.Environ(t), func(o *worker.Options) {
		o.Ingestion.Parser = readerKiller{o.Ingestion.Parser}
	})
	shop := newTenant(t, product.URL(), chatconnect.TierFree)
	text := readerMarker + ".\n\n" + strings.Repeat(strings.Repeat("word ", 2000)+"\n\n", 300)
	documents := shop.upload(file{"large.txt", []byte(text)}, file{"tea.txt", []byte("Tea is at four.")})
	sentences := map[string]bool{}
	shop.watch(func(seen map[chatconnect.DocumentID]chatconnect.Document) bool {
		large, tea := seen[documents[0].ID], seen[documents[1].ID]
		sentences[large.Stage] = true
		return large.Status.Final() && tea.Status == chatconnect.StatusReady
	})
	large := shop.document(documents[0].ID)
	require.Equal(t, chatconnect.StatusFailed, large.Status)
	require.Equal(t, chatconnect.CodeTooComplex, large.Error.Code)
	require.Contains(t, large.Error.Message, "Split or simplify")
	waited := false
	for sentence := range sentences {
		waited = waited || strings.HasPrefix(sentence, "The file reader was stopped; next try at ")
	}
	require.True(t, waited, "%v", sentences)
}
