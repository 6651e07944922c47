package llm

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
)

// maxLine is the longest line passed on: langchaingo's scanner fails at 64 KB.
const maxLine = 32 << 10

// dialect understands one provider's events. It returns what to pass on, and
// whether the event was the end marker.
type dialect interface {
	event(data []byte, record *call) (out []byte, done bool, err error)
}

// streamBody is a provider's event stream as langchaingo can take it: one
// "data:" line for each event, errors as errors. Reading and closing may
// happen at once.
type streamBody struct {
	source  *idleBody
	reader  *bufio.Reader
	dialect dialect
	record  *call
	read    int  // bytes so far
	done    bool // the end marker has been seen
	out     []byte
	err     error // what Read returns once out is empty

	mu     sync.Mutex
	handed bool // the source is drained in the background and closed there
}

func newStreamBody(source *idleBody, d dialect, record *call) *streamBody {
	return &streamBody{source: source, reader: bufio.NewReaderSize(source, 16<<10), dialect: d, record: record}
}

func (s *streamBody) Read(p []byte) (int, error) {
	for len(s.out) == 0 && s.err == nil {
		s.next()
	}
	if len(s.out) > 0 {
		n := copy(p, s.out)
		s.out = s.out[n:]
		return n, nil
	}
	return 0, s.err
}

// next reads one event and prepares out or err.
func (s *streamBody) next() {
	data, err := s.readEvent()
	if err != nil && (len(data) == 0 || !errors.Is(err, io.EOF)) {
		s.err = s.record.fail(s.readError(err))
		return
	}
	s.out, s.done, err = s.dialect.event(data, s.record)
	switch {
	case err != nil:
		s.out, s.err = nil, s.record.fail(err)
	case s.done:
		s.err = io.EOF
		s.handOver()
	}
}

// handOver drains the finished stream in the background, so that an answer
// never waits for the provider to hang up.
func (s *streamBody) handOver() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.handed {
		s.handed = true
		go s.source.drain()
	}
}

func (s *streamBody) readError(err error) error {
	// The request's own context is cancelled with a cause by Close and by the
	// idle timer only; otherwise the caller ended it.
	if ended := s.source.ctx.Err(); ended != nil && !errors.Is(err, errIdle) {
		return ended
	}
	switch {
	case errors.Is(err, io.EOF):
		return unavailable(errCut)
	case errors.Is(err, errTooLarge), errors.Is(err, errIdle):
		return unavailable(err)
	default:
		return unavailable(fmt.Errorf("%w: %w", errCut, opaque(err)))
	}
}

// readEvent returns the data of the next event that has any; several data
// lines are joined by a line feed (WHATWG HTML §9.2.6).
func (s *streamBody) readEvent() ([]byte, error) {
	var data []byte
	hasData := false
	for {
		line, err := s.readLine()
		if value, ok := bytes.CutPrefix(line, []byte("data:")); ok {
			value = bytes.TrimPrefix(value, []byte(" "))
			if hasData {
				data = append(data, '\n')
			}
			data, hasData = append(data, value...), true
		}
		if err != nil {
			return data, err
		}
		if len(line) == 0 && len(data) > 0 {
			return data, nil
		}
		if len(line) == 0 {
			hasData = false // an event without data is none
		}
	}
}

// readLine returns the next line without its end.
func (s *streamBody) readLine() ([]byte, error) {
	var line []byte
	for {
		part, err := s.reader.ReadSlice('\n')
		s.read += len(part)
		if s.read > maxStreamBody {
			return nil, errTooLarge
		}
		line = append(line, part...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		return bytes.TrimRight(line, "\r\n"), err
	}
}

func (s *streamBody) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handed {
		return nil
	}
	s.handed = true
	return s.source.Close()
}

// pieces cuts text into parts of at most maxLine/8 bytes, at rune borders: no
// part can grow beyond maxLine when it is written as JSON.
func pieces(text string) []string {
	const size = maxLine / 8
	var parts []string
	for len(text) > size {
		cut := size
		for cut > 0 && text[cut]&0xC0 == 0x80 {
			cut--
		}
		if cut == 0 { // not UTF-8 at all
			cut = size
		}
		parts = append(parts, text[:cut])
		text = text[cut:]
	}
	return append(parts, text)
}

func malformed(data []byte, err error) error {
	return unavailable(fmt.Errorf("malformed event %q: %w", shorten(strings.ToValidUTF8(string(data), ""), 200), opaque(err)))
}
