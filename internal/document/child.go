package document

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/document/csvfile"
	"github.com/chatconnect/chatconnect/internal/document/docx"
	"github.com/chatconnect/chatconnect/internal/document/failure"
	"github.com/chatconnect/chatconnect/internal/document/pdf"
	"github.com/chatconnect/chatconnect/internal/document/plaintext"
	"github.com/chatconnect/chatconnect/internal/document/sink"
)

// In a child the main goroutine, which reads the document, keeps the main
// thread: some limits are a thread's own.
func init() {
	if _, asked := os.LookupEnv(envChild); asked {
		runtime.LockOSThread()
	}
}

// RunChildIfAsked turns the process into a parser child if a Parser started
// it as one, and then never returns. Call it before anything else in main and
// in the TestMain of every package whose tests parse documents.
func RunChildIfAsked() {
	encoded, asked := os.LookupEnv(envChild)
	if !asked {
		return
	}
	os.Exit(runChild(encoded))
}

func runChild(encoded string) int {
	const misused = 64 // EX_USAGE
	var t task
	if err := json.Unmarshal([]byte(encoded), &t); err != nil {
		fmt.Fprintln(os.Stderr, "document child:", err)
		return misused
	}
	result := os.NewFile(fdResult, "result")
	if result == nil {
		fmt.Fprintln(os.Stderr, "document child: no result pipe")
		return misused
	}
	applied, err := applyLimits(t)
	if err != nil {
		fmt.Fprintln(os.Stderr, "document child: limits:", err)
		return misused
	}
	// The collector works hard before the hard limit ends the process, and
	// endless recursion ends long before it.
	debug.SetMemoryLimit(t.MemoryBytes * 7 / 10)
	debug.SetMaxStack(64 << 20)

	buffered := bufio.NewWriterSize(result, 64<<10)
	out := newPipe(lineFlusher{buffered})
	if err := out.send(message{Ready: &applied}); err != nil {
		return misused
	}
	last := message{Done: true}
	if err := t.run(out); err != nil {
		e := describe(err)
		last = message{Failure: &e}
	}
	if err := errors.Join(out.send(last), buffered.Flush()); err != nil {
		fmt.Fprintln(os.Stderr, "document child: write result:", err)
		return misused
	}
	return 0
}

// run does the task. A panic of a reader is the document's fault: it is
// damaged in a way the reader did not foresee.
func (t task) run(out *pipe) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = failure.Corrupt.Because(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	ctx := context.Background() // the parent kills; nothing cancels in here
	if t.Kind == taskWarm {
		return pdf.Warm(ctx, t.CacheDir)
	}
	// The engine's compiled code is read from files, or written to them, while
	// the process still may: nothing has been seen of the document.
	var engine *pdf.Engine
	if t.Type == chatconnect.TypePDF {
		if engine, err = pdf.Start(ctx, t.CacheDir); err != nil {
			return err
		}
		defer func() { _ = engine.Stop(ctx) }() // the process ends with it
	}
	confined, err := seal()
	if err != nil {
		return fmt.Errorf("confine: %w", err)
	}
	if err := out.send(message{Confined: &confined}); err != nil {
		return err
	}
	if t.Kind == taskProbe {
		return nil
	}
	file := os.NewFile(fdFile, "document")
	if file == nil {
		return errors.New("no document")
	}
	defer file.Close()
	limited := &sink.Limited{To: out, MaxBytes: t.MaxText, MaxBlocks: t.MaxBlocks}
	if err := read(engine, t, file, limited); err != nil {
		return err
	}
	if limited.Bytes() == 0 {
		return failure.NoText
	}
	return nil
}

func read(engine *pdf.Engine, t task, file io.ReaderAt, out sink.Sink) error {
	if t.Size == 0 {
		return failure.Empty
	}
	switch t.Type {
	case chatconnect.TypePDF:
		return engine.Read(file, t.Size, t.MaxPages, out)
	case chatconnect.TypeDOCX:
		return docx.Read(file, t.Size, out)
	case chatconnect.TypeCSV:
		return csvfile.Read(file, t.Size, out)
	case chatconnect.TypeTXT:
		return plaintext.Read(file, t.Size, out)
	}
	return failure.Unsupported(fmt.Sprintf("a file of type %q", t.Type))
}

func describe(err error) failed {
	const longest = 4000
	e := chatconnect.AsError(err)
	f := failed{Kind: e.Kind, Code: e.Code, Message: e.Message}
	if e.Err != nil {
		f.Cause = e.Err.Error()
		f.Cause = f.Cause[:min(len(f.Cause), longest)]
	}
	return f
}

// lineFlusher sends each full buffer, and anything that is not a block at
// once: the JSON encoder writes one line a call.
type lineFlusher struct{ *bufio.Writer }

func (w lineFlusher) Write(line []byte) (int, error) {
	n, err := w.Writer.Write(line)
	const blockPrefix = `{"block"`
	if err == nil && (len(line) < len(blockPrefix) || string(line[:len(blockPrefix)]) != blockPrefix) {
		err = w.Flush()
	}
	return n, err
}
