package answerstream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	chatconnect "github.com/chatconnect/chatconnect"
)

// tokenMax is the most text of one token event, in bytes. It is reached only
// when the relay has been away.
const tokenMax = 16 << 10

// cut makes events of the gathered text, in pieces of whole code points. A
// code point whose last bytes have not come yet is kept back, unless nothing
// follows. The caller holds the lock.
func (w *Writer) cut(final bool) {
	for len(w.text) > 0 {
		n := min(len(w.text), tokenMax)
		if n < len(w.text) || !final {
			n = wholeRunes(w.text[:n])
		}
		if n == 0 {
			return
		}
		data, err := encode(chatconnect.TokenData{Text: string(w.text[:n])})
		if err != nil {
			return // cannot happen: a string always encodes
		}
		w.append(chatconnect.EventToken, data)
		w.text = w.text[n:]
	}
	w.text = nil
}

// wholeRunes returns how many bytes of text come before a code point that it
// ends within.
func wholeRunes(text []byte) int {
	for i := len(text) - 1; i >= 0 && i >= len(text)-utf8.UTFMax; i-- {
		if utf8.RuneStart(text[i]) {
			if utf8.FullRune(text[i:]) {
				break
			}
			return i
		}
	}
	return len(text)
}

// append gives an event its id. The caller holds the lock.
func (w *Writer) append(kind string, data []byte) {
	id := w.base() + int64(len(w.events)) + 1
	w.events = append(w.events, chatconnect.RelayEvent{ID: id, Type: kind, Data: data})
}

// base is the id before the attempt's first.
func (w *Writer) base() int64 { return int64(w.attempt-1) * chatconnect.AttemptSpan }

// encode is json.Marshal without its escaping of <, > and &, which is of no use
// outside HTML and would make code in answers several times as long.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, chatconnect.AsError(fmt.Errorf("answerstream: %w", err))
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func notNil(sources []chatconnect.Source) []chatconnect.Source {
	if sources == nil {
		return []chatconnect.Source{}
	}
	return sources
}
