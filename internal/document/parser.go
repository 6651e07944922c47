package document

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/document/failure"
)

var _ chatconnect.Parser = (*Parser)(nil)

// Parser reads documents, each in a child process of its own. It is safe for
// concurrent use.
type Parser struct {
	options Options
	slots   chan struct{}
	told    sync.Once // which limits its children lack

	childEnv     []string // set by tests whose children behave badly
	toldConfined sync.Once
}

// NewParser makes a Parser. It starts nothing: see Warm.
func NewParser(options Options) *Parser {
	options = options.withDefaults()
	return &Parser{options: options, slots: make(chan struct{}, options.Parallel)}
}

const sentenceUnavailable = "The document could not be read just now. Please try again."

// errUnavailable means that no child can work here, whatever the document:
// trying again helps once the machine is better.
func errUnavailable(cause error) error {
	return chatconnect.Errorf(chatconnect.KindUnavailable, chatconnect.CodeParserUnavailable, sentenceUnavailable).Because(cause)
}

// errStopped means that a child ended, and nothing tells whether through the
// document or through the machine: before it was ready, or killed by the
// kernel, which does both. Probe tells the one from the other.
func errStopped(cause error) error {
	return chatconnect.Errorf(chatconnect.KindUnavailable, chatconnect.CodeParserStopped, sentenceUnavailable).Because(cause)
}

// Warm compiles PDFium into the cache directory (3 s, once for each version
// of the binary), so that the first PDF needn't wait for it. Its limits are
// wide: no document has a part in it, and it may take as long as a machine
// needs that has little time for it.
func (p *Parser) Warm(ctx context.Context) error {
	if err := p.prepareCache(); err != nil {
		return err
	}
	const memory, deadline = 1 << 30, 10 * time.Minute
	t := task{Kind: taskWarm, CacheDir: p.options.CacheDir, MemoryBytes: memory, CPUSeconds: int64(deadline.Seconds())}
	return p.run(ctx, t, nil, deadline, &receiver{})
}

func (p *Parser) prepareCache() error {
	if err := os.MkdirAll(p.options.CacheDir, 0o700); err != nil {
		return errUnavailable(fmt.Errorf("make cache directory: %w", err))
	}
	info, err := os.Stat(p.options.CacheDir)
	if err != nil {
		return errUnavailable(err)
	}
	if !isOurs(info) {
		return errUnavailable(fmt.Errorf("cache directory %s belongs to somebody else or others can write to it; choose another", p.options.CacheDir))
	}
	return nil
}

// Parse reads content as fileType in a child process and calls onBlock for
// each block in order; an error from onBlock ends the child and is returned.
// onProgress counts pages of a PDF and bytes of anything else; it may be nil.
// Both are called from the calling goroutine.
//
// What the document's owner must act on comes back as KindInvalid (KindTooLarge
// for its size) with one of the document codes: the limits of time, memory and
// output are CodeTooComplex. KindUnavailable means that the child could not be
// started (CodeParserUnavailable), or that it ended before it was ready or was
// killed from outside (CodeParserStopped). After a cancelled ctx the error is
// ctx's.
func (p *Parser) Parse(ctx context.Context, fileType chatconnect.FileType, content io.Reader, onBlock func(chatconnect.Block) error, onProgress func(done, total int)) error {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	file, size, err := p.spool(ctx, content)
	if err != nil {
		return err
	}
	defer file.Close()

	t, err := p.newTask(taskParse, fileType)
	if err != nil {
		return err
	}
	t.Size = size
	return p.run(ctx, t, file, p.options.Deadline, &receiver{
		onBlock: onBlock, onProgress: onProgress,
		maxText: p.options.MaxTextBytes, maxBlocks: p.options.MaxBlocks,
		log: func(warning string) {
			p.options.Logger.WarnContext(ctx, "document read with damage", slog.String("type", string(fileType)), slog.String("warning", warning))
		},
	})
}

// Probe reports whether a child can work at all: one with the limits of those
// that read documents of fileType, which loads what they load and is given no
// document. Its error is ctx's, or CodeParserUnavailable.
func (p *Parser) Probe(ctx context.Context, fileType chatconnect.FileType) error {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	t, err := p.newTask(taskProbe, fileType)
	if err != nil {
		return err
	}
	if err := p.run(ctx, t, nil, p.options.Deadline, &receiver{}); err != nil && ctx.Err() == nil {
		return errUnavailable(fmt.Errorf("child without a document: %w", err))
	}
	return ctx.Err()
}

// newTask returns a task for fileType with all limits.
func (p *Parser) newTask(kind string, fileType chatconnect.FileType) (task, error) {
	t := task{
		Kind: kind, Type: fileType,
		MaxPages: p.options.MaxPages, MaxText: p.options.MaxTextBytes, MaxBlocks: p.options.MaxBlocks,
		MemoryBytes: p.options.MemoryLimit,
		// All threads count; one at work and one collecting is the most.
		CPUSeconds: 2*int64(p.options.Deadline.Seconds()) + 1,
	}
	if fileType == chatconnect.TypePDF {
		if err := p.prepareCache(); err != nil {
			return task{}, err
		}
		t.CacheDir = p.options.CacheDir
	}
	return t, nil
}

// spool copies content into a file that has no name any more: the child gets
// a descriptor, and nothing is left behind even if this process is killed.
func (p *Parser) spool(ctx context.Context, content io.Reader) (*os.File, int64, error) {
	written, err := os.CreateTemp(p.options.TempDir, "chatconnect-document-")
	if err != nil {
		return nil, 0, errUnavailable(err)
	}
	defer func() {
		_ = written.Close()           // it is read through another descriptor
		_ = os.Remove(written.Name()) // where an open file can't be removed
	}()
	file, err := os.Open(written.Name())
	if err != nil {
		return nil, 0, errUnavailable(err)
	}
	_ = os.Remove(written.Name())
	size, err := io.Copy(written, io.LimitReader(&readerWithContext{ctx, content}, p.options.MaxFileBytes+1))
	switch {
	case err != nil:
		err = fmt.Errorf("read document: %w", err)
	case size > p.options.MaxFileBytes:
		err = failure.TooLarge
	case size == 0:
		err = failure.Empty
	}
	if err != nil {
		_ = file.Close() // nothing was written through it
		return nil, 0, err
	}
	return file, size, nil
}

type readerWithContext struct {
	ctx context.Context
	io.Reader
}

func (r *readerWithContext) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(b)
}

// Reasons for which run ends a child.
var (
	errDeadline = errors.New("the child took longer than its deadline")
	errOutput   = errors.New("the child wrote more than it may")
	errGarbage  = errors.New("the child wrote what is no message")
	errMute     = errors.New("the child said nothing: does main call document.RunChildIfAsked?")
)

// helloWithin is how long a child may take to say that it runs. It is long:
// a loaded machine may need it, and only a broken program ever does.
const helloWithin = 20 * time.Second

// idleDivisor tells an idle child from a slow one: processor time below
// deadline/idleDivisor means that it was paused, or the machine overloaded.
const idleDivisor = 10

// run starts a child for t and passes on what it says until it ends.
func (p *Parser) run(ctx context.Context, t task, file *os.File, deadline time.Duration, to *receiver) error {
	if _, inChild := os.LookupEnv(envChild); inChild {
		return errUnavailable(errors.New("a parser's child must call document.RunChildIfAsked first"))
	}
	encoded, err := json.Marshal(t)
	if err != nil {
		return errUnavailable(err)
	}
	path, err := selfPath()
	if err != nil {
		return errUnavailable(err)
	}
	workDir, err := os.MkdirTemp(p.options.TempDir, "chatconnect-empty-")
	if err != nil {
		return errUnavailable(err)
	}
	defer os.RemoveAll(workDir)
	resultRead, resultWrite, err := os.Pipe()
	if err != nil {
		return errUnavailable(err)
	}
	defer resultRead.Close()

	// The child gets SIGKILL when the thread that started it ends, so this
	// goroutine keeps its thread until then.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	asked := ctx
	ctx, cancel := context.WithCancelCause(asked)
	defer cancel(nil)
	var stderr opening
	cmd := exec.CommandContext(ctx, path)
	cmd.Args = []string{"chatconnect-document"}
	cmd.Env = append([]string{envChild + "=" + string(encoded), "GOMAXPROCS=2", "GOTRACEBACK=single"}, slices.Concat(detectorEnv, p.childEnv)...)
	cmd.Dir = workDir
	cmd.Stderr = &stderr
	cmd.ExtraFiles = []*os.File{resultWrite}
	if file != nil {
		cmd.ExtraFiles = append(cmd.ExtraFiles, file)
	}
	cmd.WaitDelay = 5 * time.Second
	confine(cmd)
	err = cmd.Start()
	// The child's directory has no name from here on: nothing can be put into
	// it, and nothing is left of it even if this process is killed.
	_ = os.Remove(workDir)
	_ = resultWrite.Close() // the child has its own
	if err != nil {
		return errUnavailable(fmt.Errorf("start child: %w", err))
	}
	timer := time.AfterFunc(helloWithin, func() { cancel(errMute) })
	defer timer.Stop()
	to.onReady = func(l limits) {
		p.tell(l)
		timer.Stop()
		timer = time.AfterFunc(deadline, func() { cancel(errDeadline) })
	}
	if to.onConfined == nil {
		to.onConfined = p.tellConfined
	}
	// A read of the pipe ends when the child does: cancel kills it.
	receiveErr := to.receive(resultRead)
	if receiveErr != nil {
		cancel(receiveErr)
	}
	waitErr := cmd.Wait()
	timer.Stop()
	end := ending{cause: context.Cause(ctx), received: receiveErr, waited: waitErr, stderr: stderr.String(), deadline: deadline}
	if cmd.ProcessState != nil {
		end.spent = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	if asked.Err() != nil && !to.done && to.stopped == nil {
		return asked.Err()
	}
	return verdict(t, to, end)
}

// tell says once which limits hostile files don't meet here. It is for the
// operator: whoever sends the files needn't be a friend.
func (p *Parser) tell(l limits) {
	if l.Lacking == "" {
		return
	}
	p.told.Do(func() {
		p.options.Logger.Warn("files are read without limits that this system lacks; only the deadline and the caps on pages and text hold",
			slog.String("lacking", l.Lacking), slog.String("in_force", l.InForce), slog.String("system", runtime.GOOS))
	})
}

// tellConfined says once how children are confined on this system.
func (p *Parser) tellConfined(c confinement) {
	p.toldConfined.Do(func() {
		if c.Lacking == "" {
			p.options.Logger.Info("parser sandbox", slog.String("level", c.Level))
			return
		}
		p.options.Logger.Warn("parser sandbox lacks layers that this system does not offer", slog.String("level", c.Level), slog.String("missing", c.Lacking))
	})
}

// Confinement starts a child that reads nothing and returns how it is
// confined on this system: "landlock ABI 7 + seccomp + rlimits". The first
// child of a Parser has it logged.
func (p *Parser) Confinement(ctx context.Context) (string, error) {
	var found confinement
	t, err := p.newTask(taskProbe, chatconnect.TypeTXT)
	if err != nil {
		return "", err
	}
	err = p.run(ctx, t, nil, p.options.Deadline, &receiver{onConfined: func(c confinement) {
		found = c
		p.tellConfined(c)
	}})
	return found.String(), err
}

// ending is all that is known of how a child ended.
type ending struct {
	cause    error // why we killed it, if we did
	received error
	waited   error
	deadline time.Duration
	spent    time.Duration // processor time
	stderr   string
}

// verdict says what the end of a child means.
func verdict(t task, to *receiver, end ending) error {
	detail := fmt.Errorf("child: %w; stderr: %s", errors.Join(end.received, end.waited), end.stderr)
	killed, overCPU := killedBySignal(end.waited)
	switch {
	case to.stopped != nil: // by onBlock
		return to.stopped
	case errors.Is(end.received, errOutput):
		return failure.TooComplex.Because(detail)
	case to.failure != nil:
		return to.failure
	case to.done:
		return nil // whatever it did afterwards: everything has been said
	case to.ready && t.Kind == taskParse && !to.confined && end.received == nil:
		return errStopped(errors.Join(end.cause, detail)) // it was still loading its engine: the document is not touched before
	case errors.Is(end.cause, errDeadline) && end.spent < end.deadline/idleDivisor:
		return errStopped(errors.Join(errDeadline, detail)) // reading never waits for anything, so the child got no processor
	case errors.Is(end.cause, errDeadline):
		return failure.TooComplex.Because(errDeadline)
	case errors.Is(end.cause, errMute):
		return errStopped(errors.Join(errMute, detail))
	case !to.ready:
		return errStopped(detail)
	case errors.Is(end.received, errGarbage): // a reader gone mad, or taken over, on this document
		return failure.Corrupt.Because(detail)
	case overCPU, end.spent >= time.Duration(t.CPUSeconds)*time.Second:
		return failure.TooComplex.Because(detail)
	case killed:
		return errStopped(detail) // from outside: an operator, the OOM killer
	case isOutOfMemory(end.stderr):
		return failure.TooComplex.Because(detail)
	}
	return failure.Corrupt.Because(detail) // it crashed on this document
}

// isOutOfMemory knows the last words of the Go runtime, with and without cgo,
// at RLIMIT_DATA and at the end of its stack. A segmentation violation is one
// of them: Go code that follows a nil pointer panics instead, but the garbage
// collector crashes so (seen in 1.26) when its own tables can't grow.
func isOutOfMemory(stderr string) bool {
	for _, words := range []string{"out of memory", "cannot allocate memory", "stack exceeds", "stack overflow", "pthread_create failed", "failed to allocate", "failed to reserve", "failed to create new OS thread", "SIGSEGV: segmentation violation"} {
		if strings.Contains(stderr, words) {
			return true
		}
	}
	return false
}

// receiver takes a child's messages and holds it to its caps: a child that
// was taken over doesn't count for itself.
type receiver struct {
	onReady    func(limits)
	onConfined func(confinement)
	onBlock    func(chatconnect.Block) error
	onProgress func(done, total int)
	log        func(warning string)
	maxText    int64
	maxBlocks  int

	ready    bool
	confined bool
	done     bool
	failure  error
	stopped  error
	text     int64
	blocks   int
}

// receive reads until the last message, the pipe's end or an error.
func (r *receiver) receive(pipe io.Reader) error {
	const mostOthers = 1_000_000
	others := 0
	lines := bufio.NewScanner(pipe)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	lines.Split(wholeLines)
	for lines.Scan() {
		var m message
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			return fmt.Errorf("%w: %w", errGarbage, err)
		}
		if m.Block == nil {
			if others++; others > mostOthers {
				return errOutput
			}
		}
		switch {
		case m.Ready != nil:
			if !r.ready {
				r.ready = true
				r.onReady(*m.Ready)
			}
		case m.Confined != nil:
			if !r.confined {
				r.confined = true
				r.onConfined(*m.Confined)
			}
		case m.Block != nil:
			r.text += int64(len(m.Block.Text))
			r.blocks++
			if r.text > r.maxText || r.blocks > r.maxBlocks {
				return errOutput
			}
			if err := r.onBlock(*m.Block); err != nil {
				r.stopped = err
				return err
			}
		case m.Progress != nil:
			if r.onProgress != nil {
				r.onProgress(m.Progress.Done, m.Progress.Total)
			}
		case m.Warning != "":
			if r.log != nil {
				r.log(m.Warning)
			}
		case m.Failure != nil:
			r.failure = m.Failure.err()
			return nil
		case m.Done:
			r.done = true
			return nil
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return errOutput
	} else if err != nil {
		return fmt.Errorf("read child's messages: %w", err)
	}
	return nil
}

// wholeLines is bufio.ScanLines without a last line that has no end: a child
// that is killed leaves one, which says nothing about the document.
func wholeLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if atEOF && bytes.IndexByte(data, '\n') < 0 {
		return len(data), nil, nil
	}
	return bufio.ScanLines(data, atEOF)
}

// err makes the child's failure an error again. Only the codes of documents
// are believed; anything else is ours.
func (f *failed) err() error {
	var cause error
	if f.Cause != "" {
		cause = errors.New(f.Cause)
	}
	switch f.Kind {
	case chatconnect.KindInvalid, chatconnect.KindTooLarge, chatconnect.KindUnsupported:
		return (&chatconnect.Error{Kind: f.Kind, Code: f.Code, Message: f.Message}).Because(cause)
	}
	return errStopped(fmt.Errorf("%s: %w", f.Code, cause))
}

// opening keeps the first bytes written to it: the Go runtime says first what
// it died of.
type opening struct{ buf bytes.Buffer }

func (t *opening) Write(b []byte) (int, error) {
	const most = 1 << 10 // the cause stands in it; the stacks after it go on for pages
	if t.buf.Len() < most {
		t.buf.Write(b[:min(len(b), most-t.buf.Len())])
	}
	return len(b), nil
}

func (t *opening) String() string { return t.buf.String() }
