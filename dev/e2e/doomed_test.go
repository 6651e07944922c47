package e2e

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"syscall"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

// doomVariable names the step at which a process of this binary, run as a
// worker, kills itself.
const doomVariable = "E2E_KILL_AT"

// doomedSteps are where a worker can die, in the order an ingestion comes by.
// What lies between two of them has no effect outside of the process.
//
//   - received: the worker has the activity, and has done nothing of it
//   - half, torn: half of the stage's output is made, or written
//   - returned: all is done, and Temporal has not been told
//   - next: the workflow has decided to go on, and Temporal has not been told
//   - asking: the embedding provider has the request, and has not answered
//   - all others: the write of that name is done, and nothing after it
var doomedSteps = []string{
	"workflow next-parse",
	"parse received", "parse announced", "parse half", "parse stored", "parse returned",
	"workflow next-chunk",
	"chunk received", "chunk announced", "chunk half", "chunk stored", "chunk returned",
	"workflow next-embed",
	"embed received", "embed asking", "embed answered", "embed paid", "embed torn", "embed stored", "embed counted", "embed returned",
	"workflow next-activate",
	"activate received", "activate announced", "activate counted", "activate flipped", "activate tidied", "activate returned",
	"workflow next-end",
}

const (
	// doomedBatch is the batch in which the steps of embed are counted: not the
	// first, not the last.
	doomedBatch = 1
	halfText    = 100_000 // bytes
	halfChunks  = 70
)

// doom kills this process at one step.
type doom struct {
	interceptor.WorkerInterceptorBase
	step string
}

// at is called at every step. It says which one it is and dies there.
func (d *doom) at(ctx context.Context, what string) {
	if stage, _ := ctx.Value(stageKey{}).(string); stage != "" {
		d.reach(stage + " " + what)
	}
}

func (d *doom) reach(step string) {
	if step != d.step {
		return
	}
	fmt.Println(step)
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // nothing more is done
}

// stageKey is the stage whose activity a context belongs to.
type stageKey struct{}

// stageOf names the stage of an activity, empty if nobody dies in it.
func stageOf(activity string, args []any) string {
	if len(args) == 1 {
		if batch, ok := args[0].(*temporal.EmbedBatchInput); ok && batch.Batch != doomedBatch {
			return ""
		}
	}
	return map[string]string{
		"ParseDocument": "parse", "ChunkDocument": "chunk", "EmbedBatch": "embed", "ActivateDocument": "activate",
		"Retrieve": "retrieve", "Generate": "generate", "Interrupt": "interrupt", "Log": "log",
	}[activity]
}

func (d *doom) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &doomedActivity{interceptor.ActivityInboundInterceptorBase{Next: next}, d}
}

type doomedActivity struct {
	interceptor.ActivityInboundInterceptorBase
	doom *doom
}

func (a *doomedActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	ctx = context.WithValue(ctx, stageKey{}, stageOf(activity.GetInfo(ctx).ActivityType.Name, in.Args))
	a.doom.at(ctx, "received")
	result, err := a.Next.ExecuteActivity(ctx, in)
	if err == nil {
		a.doom.at(ctx, "returned")
	}
	return result, err
}

func (d *doom) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &doomedWorkflow{interceptor.WorkflowInboundInterceptorBase{Next: next}, d}
}

type doomedWorkflow struct {
	interceptor.WorkflowInboundInterceptorBase
	doom *doom
}

func (w *doomedWorkflow) Init(outbound interceptor.WorkflowOutboundInterceptor) error {
	return w.Next.Init(&doomedDecisions{interceptor.WorkflowOutboundInterceptorBase{Next: outbound}, w.doom})
}

func (w *doomedWorkflow) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	result, err := w.Next.ExecuteWorkflow(ctx, in)
	if err == nil {
		w.doom.reach(decider(ctx) + " next-end")
	}
	return result, err
}

// decider is who decides: the workflow of an answer, or that of an ingestion.
func decider(ctx workflow.Context) string {
	if workflow.GetInfo(ctx).WorkflowType.Name == temporal.WorkflowAnswerMessage {
		return "answer"
	}
	return "workflow"
}

type doomedDecisions struct {
	interceptor.WorkflowOutboundInterceptorBase
	doom *doom
}

func (d *doomedDecisions) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	d.next(ctx, name, args)
	return d.Next.ExecuteActivity(ctx, name, args...)
}

func (d *doomedDecisions) ExecuteLocalActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	d.next(ctx, name, args)
	return d.Next.ExecuteLocalActivity(ctx, name, args...)
}

func (d *doomedDecisions) next(ctx workflow.Context, name string, args []any) {
	if stage := stageOf(name, args); stage != "" && !workflow.IsReplaying(ctx) {
		d.doom.reach(decider(ctx) + " next-" + stage)
	}
}

// doomedDocuments, and what follows, are the worker's dependencies, with the
// death after each write.
type doomedDocuments struct {
	chatconnect.DocumentStore
	doom *doom
}

func (d doomedDocuments) UpdateProgress(ctx context.Context, client chatconnect.ClientID, p chatconnect.DocumentProgress) (chatconnect.Document, bool, error) {
	document, changed, err := d.DocumentStore.UpdateProgress(ctx, client, p)
	if err == nil {
		d.doom.at(ctx, "announced")
	}
	return document, changed, err
}

func (d doomedDocuments) ReplaceChunks(ctx context.Context, client chatconnect.ClientID, revision chatconnect.Revision, chunks []chatconnect.Chunk) error {
	err := d.DocumentStore.ReplaceChunks(ctx, client, revision, chunks)
	if err == nil {
		d.doom.at(ctx, "stored")
	}
	return err
}

func (d doomedDocuments) AddEmbeddingUsage(ctx context.Context, client chatconnect.ClientID, revision chatconnect.Revision, spent chatconnect.Completion) error {
	err := d.DocumentStore.AddEmbeddingUsage(ctx, client, revision, spent)
	if err == nil {
		d.doom.at(ctx, "paid")
	}
	return err
}

func (d doomedDocuments) CompleteBatch(ctx context.Context, client chatconnect.ClientID, revision chatconnect.Revision, batch, chunks int) (chatconnect.Document, error) {
	document, err := d.DocumentStore.CompleteBatch(ctx, client, revision, batch, chunks)
	if err == nil {
		d.doom.at(ctx, "counted")
	}
	return document, err
}

func (d doomedDocuments) Activate(ctx context.Context, client chatconnect.ClientID, revision chatconnect.Revision, cost chatconnect.IngestionCost) (chatconnect.Document, error) {
	document, err := d.DocumentStore.Activate(ctx, client, revision, cost)
	if err == nil {
		d.doom.at(ctx, "flipped")
	}
	return document, err
}

type doomedBlobs struct {
	chatconnect.BlobStore
	doom *doom
}

func (d doomedBlobs) Put(ctx context.Context, key string, content io.Reader) (int64, error) {
	size, err := d.BlobStore.Put(ctx, key, content)
	if err == nil {
		d.doom.at(ctx, "stored")
	}
	return size, err
}

func (d doomedBlobs) Delete(ctx context.Context, key string) error {
	err := d.BlobStore.Delete(ctx, key)
	if err == nil {
		d.doom.at(ctx, "tidied")
	}
	return err
}

type doomedParser struct {
	chatconnect.Parser
	doom *doom
}

func (d doomedParser) Parse(ctx context.Context, fileType chatconnect.FileType, content io.Reader, onBlock func(chatconnect.Block) error, onProgress func(done, total int)) error {
	parsed := 0
	return d.Parser.Parse(ctx, fileType, content, func(block chatconnect.Block) error {
		if parsed += len(block.Text); parsed > halfText {
			d.doom.at(ctx, "half")
		}
		return onBlock(block)
	}, onProgress)
}

type doomedChunker struct {
	chatconnect.Chunker
	doom *doom
}

func (d doomedChunker) Chunk(ctx context.Context, blocks iter.Seq2[chatconnect.Block, error], emit func(chatconnect.Chunk) error) error {
	return d.Chunker.Chunk(ctx, blocks, func(chunk chatconnect.Chunk) error {
		if chunk.Index == halfChunks {
			d.doom.at(ctx, "half")
		}
		return emit(chunk)
	})
}

type doomedEmbedders struct {
	chatconnect.Embedders
	doom *doom
}

func (d doomedEmbedders) Embedder(model string, dimensions int) (chatconnect.Embedder, error) {
	embedder, err := d.Embedders.Embedder(model, dimensions)
	return doomedEmbedder{embedder, d.doom}, err
}

type doomedEmbedder struct {
	chatconnect.Embedder
	doom *doom
}

func (d doomedEmbedder) Embed(ctx context.Context, client chatconnect.ClientID, texts []string) (chatconnect.Embedding, error) {
	embedding, err := d.Embedder.Embed(ctx, client, texts)
	if err == nil {
		d.doom.at(ctx, "answered")
	}
	return embedding, err
}

type doomedIndex struct {
	chatconnect.VectorIndex
	doom *doom
}

func (d doomedIndex) Upsert(ctx context.Context, client chatconnect.ClientID, generation chatconnect.Generation, chunks []chatconnect.IndexedChunk) error {
	if stage, _ := ctx.Value(stageKey{}).(string); stage+" torn" == d.doom.step {
		if err := d.VectorIndex.Upsert(ctx, client, generation, chunks[:len(chunks)/2]); err != nil {
			return err
		}
		d.doom.at(ctx, "torn")
	}
	err := d.VectorIndex.Upsert(ctx, client, generation, chunks)
	if err == nil {
		d.doom.at(ctx, "stored")
	}
	return err
}

func (d doomedIndex) Count(ctx context.Context, client chatconnect.ClientID, revision chatconnect.Revision) (int, error) {
	n, err := d.VectorIndex.Count(ctx, client, revision)
	if err == nil {
		d.doom.at(ctx, "counted")
	}
	return n, err
}
