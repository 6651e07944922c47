package activities

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

// progressInterval keeps progress of a long parse to a few writes a second.
const progressInterval = 500 * time.Millisecond

// ParseDocument turns the uploaded file into blocks, kept as JSON lines in
// blob storage: Temporal carries references, never text.
func (a *Ingestion) ParseDocument(ctx context.Context, in *temporal.IngestInput) (*temporal.ParseResult, error) {
	deaths := earlierDeaths(ctx)
	defer heartbeatBy(ctx, func() { deaths.beat(ctx) })()
	started := time.Now()
	if err := a.advance(ctx, in, chatconnect.DocumentProgress{
		Status: chatconnect.StatusParsing, Stage: "Reading the file", Progress: progressParsing,
	}); err != nil {
		return nil, a.failed(ctx, in, chatconnect.StatusParsing, err)
	}
	source, err := a.openBlob(ctx, chatconnect.SourceBlobKey(in.ClientID, in.Revision()))
	if err != nil {
		return nil, a.failed(ctx, in, chatconnect.StatusParsing, err)
	}
	defer source.Close()

	result, err := a.storeBlocks(ctx, in, source)
	if err = a.blameReader(ctx, in, deaths, err); err != nil {
		return nil, a.failed(ctx, in, chatconnect.StatusParsing, err)
	}
	if result.Blocks == 0 {
		return nil, encode(ctx, errNoText)
	}
	if err := a.advance(ctx, in, chatconnect.DocumentProgress{
		Status: chatconnect.StatusParsing, Stage: "Read, waiting to be divided", StageEnded: true, Progress: progressChunking,
	}); err != nil {
		return nil, a.failed(ctx, in, chatconnect.StatusParsing, err)
	}
	a.Metrics.StageDone("parse", in.Type, time.Since(started))
	return result, nil
}

var errNoText = chatconnect.Errorf(chatconnect.KindInvalid, chatconnect.CodeNoText, "The file contains no text.")

// storeBlocks pipes the parser into the blob store, so that no more than a
// block is in memory. A parse that fails leaves no blob.
func (a *Ingestion) storeBlocks(ctx context.Context, in *temporal.IngestInput, source io.Reader) (*temporal.ParseResult, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reader, writer := io.Pipe()
	stored := make(chan error, 1)
	go func() {
		_, err := a.Blobs.Put(ctx, chatconnect.BlocksBlobKey(in.ClientID, in.Revision()), reader)
		_ = reader.CloseWithError(err) // ends a parser that still writes
		stored <- err
	}()

	var result temporal.ParseResult
	buffered := bufio.NewWriterSize(writer, 64<<10)
	encode := json.NewEncoder(buffered)
	var lastProgress time.Time
	err := a.Parser.Parse(ctx, in.Type, source,
		func(block chatconnect.Block) error {
			result.Blocks++
			result.Bytes += int64(len(block.Text))
			return encode.Encode(block)
		},
		func(done, total int) {
			if total < 1 || time.Since(lastProgress) < progressInterval {
				return
			}
			lastProgress = time.Now()
			// A failed write here is not worth failing the parse for; the next
			// stage writes again and finds out whether the version is still wanted.
			_ = a.advance(ctx, in, chatconnect.DocumentProgress{
				Status:   chatconnect.StatusParsing,
				Stage:    readingStage(in.Type, done, total),
				Progress: progressParsing + (progressChunking-progressParsing)*min(done, total)/total,
			})
		})
	if err == nil {
		err = buffered.Flush()
	}
	if err != nil {
		// Aborting by context as well as by the pipe: a store may take a
		// reader's error for the end of the content, but not a cancelled Put.
		cancel()
		_ = writer.CloseWithError(err) // never fails
		<-stored                       //nolint:errcheck // the parser's error says more
		return nil, err
	}
	_ = writer.Close()
	if err := <-stored; err != nil {
		return nil, err
	}
	return &result, nil
}

func readingStage(fileType chatconnect.FileType, done, total int) string {
	if fileType == chatconnect.TypePDF {
		return fmt.Sprintf("Reading page %d of %d", done, total)
	}
	return fmt.Sprintf("Reading, %d %%", 100*min(done, total)/total)
}
