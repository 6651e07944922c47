package activities

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

// ChunkDocument cuts the blocks into chunks and stores them in Postgres.
func (a *Ingestion) ChunkDocument(ctx context.Context, in *temporal.IngestInput) (*temporal.ChunkResult, error) {
	defer heartbeat(ctx)()
	started := time.Now()
	if err := a.advance(ctx, in, chatconnect.DocumentProgress{
		Status: chatconnect.StatusChunking, Stage: "Dividing the text", Progress: progressChunking,
	}); err != nil {
		return nil, a.failed(ctx, in, chatconnect.StatusChunking, err)
	}
	blocks, err := a.openBlob(ctx, chatconnect.BlocksBlobKey(in.ClientID, in.Revision()))
	if err != nil {
		return nil, a.failed(ctx, in, chatconnect.StatusChunking, err)
	}
	defer blocks.Close()

	var chunks []chatconnect.Chunk
	var result temporal.ChunkResult
	err = a.Chunker.Chunk(ctx, decodeBlocks(blocks), func(chunk chatconnect.Chunk) error {
		chunk.DocumentID, chunk.Version = in.DocumentID, in.Version
		chunks = append(chunks, chunk)
		result.Tokens += chunk.Tokens
		return nil
	})
	if err != nil {
		return nil, a.failed(ctx, in, chatconnect.StatusChunking, err)
	}
	if len(chunks) == 0 {
		return nil, encode(ctx, errNoText)
	}
	if err := a.Documents.ReplaceChunks(ctx, in.ClientID, in.Revision(), chunks); err != nil {
		return nil, a.failed(ctx, in, chatconnect.StatusChunking, err)
	}
	result.Chunks = len(chunks)
	if err := a.advance(ctx, in, chatconnect.DocumentProgress{
		Status: chatconnect.StatusEmbedding, Stage: stageEmbedding,
		Progress: progressChunked, ChunksTotal: len(chunks),
	}); err != nil {
		return nil, a.failed(ctx, in, chatconnect.StatusChunking, err)
	}
	a.Metrics.StageDone("chunk", in.Type, time.Since(started))
	return &result, nil
}

// decodeBlocks yields blocks until the end or the first error.
func decodeBlocks(r io.Reader) iter.Seq2[chatconnect.Block, error] {
	return func(yield func(chatconnect.Block, error) bool) {
		decode := json.NewDecoder(bufio.NewReaderSize(r, 64<<10))
		for {
			var block chatconnect.Block
			err := decode.Decode(&block)
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(block, err) || err != nil {
				return
			}
		}
	}
}
