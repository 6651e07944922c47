package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// sseWriter writes server-sent events (WHATWG HTML §9.2). Every write has a
// deadline of its own, as all responses' have (Handler): a reader who stopped
// reading is let go while a slow model is waited for.
type sseWriter struct {
	w      http.ResponseWriter
	rc     *http.ResponseController
	buffer bytes.Buffer
}

func newSSEWriter(w http.ResponseWriter) *sseWriter {
	inner := w
	if gin, ok := w.(interface{ Unwrap() http.ResponseWriter }); ok {
		inner = gin.Unwrap() // gin's Flush keeps its errors to itself
	}
	return &sseWriter{w: w, rc: http.NewResponseController(inner)}
}

// open sends the headers, so that the reader knows it is connected.
func (s *sseWriter) open() error {
	h := s.w.Header()
	h.Set("Content-Type", "text/event-stream")
	// A proxy that compresses gathers tokens until it has a block to compress.
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no") // nginx and its like would collect tokens
	s.w.WriteHeader(http.StatusOK)
	if gin, ok := s.w.(interface{ WriteHeaderNow() }); ok {
		gin.WriteHeaderNow()
	}
	return s.flush()
}

// event adds an event; flush sends it. data must be JSON. An id of 0 writes
// none: the reader keeps the last it saw.
func (s *sseWriter) event(id int64, name string, data []byte) {
	if id > 0 {
		s.buffer.WriteString("id: ")
		s.buffer.Write(strconv.AppendInt(s.buffer.AvailableBuffer(), id, 10))
		s.buffer.WriteByte('\n')
	}
	s.buffer.WriteString("event: ")
	s.buffer.WriteString(name)
	s.buffer.WriteString("\ndata: ")
	if bytes.ContainsAny(data, "\n\r") {
		// Line ends would end the field; between JSON tokens they mean nothing.
		var compact bytes.Buffer
		if err := json.Compact(&compact, data); err == nil {
			data = compact.Bytes()
		} else {
			data = []byte("null")
		}
	}
	s.buffer.Write(data)
	s.buffer.WriteString("\n\n")
}

// comment adds a line that readers ignore and proxies count as a sign of life.
func (s *sseWriter) comment(text string) { fmt.Fprintf(&s.buffer, ": %s\n\n", text) }

// flush sends what was added since the last one.
func (s *sseWriter) flush() error {
	if s.buffer.Len() > 0 {
		_, err := s.w.Write(s.buffer.Bytes())
		s.buffer.Reset()
		if err != nil {
			return err
		}
	}
	return s.rc.Flush()
}
