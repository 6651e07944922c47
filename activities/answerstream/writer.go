package answerstream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Options tunes a Writer; the zero value is right for production.
type Options struct {
	Gather   time.Duration // words are gathered this long after a publish; 15 ms if 0
	Timeout  time.Duration // of one call of the relay; 1 s if 0
	Deliver  time.Duration // Done, Error and Flush try this long; 5 s if 0
	Backoff  time.Duration // longest pause after a failed publish; 500 ms if 0
	MaxBytes int           // of an attempt's events, all kept until Close; 4 MiB if 0
}

// Writer writes one attempt at an answer to the relay. Its methods put events
// in order and return at once; a goroutine of the Writer publishes them. The
// first words leave immediately.
//
// A relay that fails does not stop an answer: what is not published is kept,
// and published once the relay is back; if the relay has lost earlier events,
// they are repeated. What does stop it is returned by the next call and by all
// that follow: chatconnect.ErrRelayFenced if a newer attempt writes now, and
// KindTooLarge if the answer is too long, after which it can only be ended.
//
// A Writer may be used by several goroutines. Close it.
type Writer struct {
	relay   chatconnect.Relay
	message chatconnect.MessageRef
	attempt int
	o       Options

	mu       sync.Mutex
	text     []byte                   // words not yet in an event
	events   []chatconnect.RelayEvent // of this attempt; events[i] has the id base+i+1
	sent     int                      // events[:sent] are recorded
	size     int                      // bytes in text and events
	urgent   bool                     // do not gather
	finished bool                     // a terminal event has been added
	full     error                    // why only a terminal event may be added
	err      error                    // why nothing can be published any more
	failure  error                    // of the last publish, nil after a good one
	cancel   context.CancelFunc       // ends the goroutine; nil before it runs
	closed   bool
	change   chan struct{} // closed and replaced when sent, err or failure change

	wake    chan struct{} // holds a token when there is something to publish
	stopped sync.WaitGroup
}

// NewWriter returns a writer for an attempt, counted from 1.
func NewWriter(relay chatconnect.Relay, message chatconnect.MessageRef, attempt int) *Writer {
	return NewWriterOptions(relay, message, attempt, Options{})
}

// NewWriterOptions is NewWriter with other than the default options.
func NewWriterOptions(relay chatconnect.Relay, message chatconnect.MessageRef, attempt int, options Options) *Writer {
	w := &Writer{
		relay:   relay,
		message: message,
		attempt: max(attempt, 1),
		o:       options,
		change:  make(chan struct{}),
		wake:    make(chan struct{}, 1),
	}
	orDefault(&w.o.Gather, 15*time.Millisecond)
	orDefault(&w.o.Timeout, time.Second)
	orDefault(&w.o.Deliver, 5*time.Second)
	orDefault(&w.o.Backoff, 500*time.Millisecond)
	orDefault(&w.o.MaxBytes, 4<<20)
	return w
}

func orDefault[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

var (
	errFinished = errors.New("answerstream: the answer has ended")
	errClosed   = errors.New("answerstream: writer is closed")
	errTooLarge = chatconnect.Errorf(chatconnect.KindTooLarge, "answer_too_large", "The answer is too long.")
)

// ErrUndelivered says that an answer's events could not all be published in
// time. The answer itself is whole and can be logged.
var ErrUndelivered = chatconnect.Errorf(chatconnect.KindUnavailable, "relay_undelivered",
	"The end of the answer could not be delivered live.")

// Token adds words to the answer. ctx gives the goroutine its values, such as
// the trace; its end does not stop what has been added from being published.
func (w *Writer) Token(ctx context.Context, text string) error {
	return w.add(ctx, false, func() {
		w.size += len(text)
		w.text = append(w.text, text...)
	})
}

// Restart tells readers to forget the text so far. It opens every attempt but
// the first.
func (w *Writer) Restart(ctx context.Context) error {
	return w.event(ctx, chatconnect.EventRestart, chatconnect.RestartData{Attempt: int64(w.attempt)})
}

// Sources tells readers what [1], [2], … in the answer refer to.
func (w *Writer) Sources(ctx context.Context, sources []chatconnect.Source) error {
	return w.event(ctx, chatconnect.EventSources, notNil(sources))
}

// Done ends the answer well, and waits for all of it to be published. The
// answer's text is not repeated: readers have it.
func (w *Writer) Done(ctx context.Context, answer chatconnect.Answer, status chatconnect.ChatStatus) error {
	return w.end(ctx, chatconnect.EventDone, chatconnect.DoneData{
		MessageID: answer.MessageID,
		SessionID: answer.SessionID,
		Status:    status,
		Usage:     answer.Usage,
		Sources:   notNil(answer.Sources),
		Cached:    answer.Cached,
	})
}

// Error ends the answer with cause's code and message for people, and waits
// for all of it to be published. It returns nil if that has worked.
func (w *Writer) Error(ctx context.Context, cause error) error {
	e := chatconnect.AsError(cause)
	return w.end(ctx, chatconnect.EventError, chatconnect.ErrorData{Code: e.Code, Message: e.Message})
}

// Flush waits until everything added so far is published, for Options.Deliver
// at most; then it returns an ErrUndelivered, and trying goes on until Close.
func (w *Writer) Flush(ctx context.Context) error {
	w.mu.Lock()
	w.cut(w.finished)
	w.urgent = true
	target := len(w.events)
	w.mu.Unlock()
	w.signal()

	deadline := time.NewTimer(w.o.Deliver)
	defer deadline.Stop()
	for {
		w.mu.Lock()
		sent, err, failure, closed, change := w.sent, w.err, w.failure, w.closed, w.change
		w.mu.Unlock()
		switch {
		case sent >= target:
			return nil
		case err != nil:
			return err
		case closed:
			return errClosed
		}
		select {
		case <-change:
		case <-ctx.Done():
			return ErrUndelivered.Because(fmt.Errorf("%d of %d events: %w", target-sent, target, errors.Join(ctx.Err(), failure)))
		case <-deadline.C:
			return ErrUndelivered.Because(fmt.Errorf("%d of %d events: %w", target-sent, target, errors.Join(context.DeadlineExceeded, failure)))
		}
	}
}

// Close ends the goroutine. What is not published by then is dropped.
func (w *Writer) Close() {
	w.mu.Lock()
	w.closed = true
	if w.cancel != nil {
		w.cancel()
	}
	w.changed()
	w.mu.Unlock()
	w.stopped.Wait()
}

func (w *Writer) event(ctx context.Context, kind string, data any) error {
	encoded, err := encode(data)
	if err != nil {
		return err
	}
	return w.add(ctx, false, func() {
		w.cut(true)
		w.append(kind, encoded)
		w.size += len(encoded)
		w.urgent = true
	})
}

func (w *Writer) end(ctx context.Context, kind string, data any) error {
	encoded, err := encode(data)
	if err != nil {
		return err
	}
	err = w.add(ctx, true, func() {
		w.cut(true)
		w.append(kind, encoded)
		w.urgent, w.finished = true, true
	})
	if err != nil {
		return err
	}
	return w.Flush(ctx)
}

// add changes what is to be published and wakes the goroutine.
func (w *Writer) add(ctx context.Context, end bool, change func()) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed:
		return errClosed
	case w.err != nil:
		return w.err
	case w.finished:
		return errFinished
	case w.full != nil && !end:
		return w.full
	}
	change()
	if w.size > w.o.MaxBytes && w.full == nil {
		w.full = errTooLarge
	}
	if w.cancel == nil {
		// The end of an answer must still reach its reader when the activity
		// that wrote it has been cancelled; Close is what ends this goroutine.
		run, cancel := context.WithCancel(context.WithoutCancel(ctx))
		w.cancel = cancel
		w.stopped.Go(func() { w.run(run) })
	}
	w.signal()
	return nil
}

func (w *Writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// changed tells those who wait. The caller holds the lock.
func (w *Writer) changed() {
	close(w.change)
	w.change = make(chan struct{})
}
