// Package charset turns text of unknown encoding into UTF-8.
//
// It imports nothing of ours.
package charset

import (
	"bytes"
	"unicode/utf8"

	"github.com/wlynxg/chardet"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// Names that Detect returns besides those of the WHATWG encoding standard.
const (
	UTF8    = "utf-8"
	UTF16LE = "utf-16le"
	UTF16BE = "utf-16be"
	UTF32LE = "utf-32le"
	UTF32BE = "utf-32be"
	Binary  = "binary" // not text in any encoding known here
)

var boms = []struct {
	mark []byte
	name string
}{
	{[]byte{0xff, 0xfe, 0, 0}, UTF32LE}, // before UTF16LE, which is its prefix
	{[]byte{0, 0, 0xfe, 0xff}, UTF32BE},
	{[]byte{0xef, 0xbb, 0xbf}, UTF8},
	{[]byte{0xff, 0xfe}, UTF16LE},
	{[]byte{0xfe, 0xff}, UTF16BE},
}

// Detect names the encoding of data and the length of its byte order mark.
//
// In this order: a byte order mark; any NUL means UTF-16, its lane telling
// which, or else binary; UTF-8 if all of it is valid, or all but a few bytes;
// a guess from the neighbourhood of the non-ASCII bytes; windows-1252.
func Detect(data []byte) (name string, bom int) {
	for _, b := range boms {
		if bytes.HasPrefix(data, b.mark) {
			return b.name, len(b.mark)
		}
	}
	if bytes.IndexByte(data, 0) >= 0 {
		return byLane(data), 0
	}
	valid, multi, bad := countUTF8(data)
	if valid || bad*50 <= multi {
		return UTF8, 0
	}
	return guess(data), 0
}

// Decode returns data as UTF-8 without its byte order mark, and what it was.
// Binary comes back as it is.
func Decode(data []byte) (text []byte, name string, err error) {
	name, bom := Detect(data)
	data = data[bom:]
	if name == Binary {
		return data, name, nil
	}
	if name == UTF8 {
		return bytes.ToValidUTF8(data, []byte("\uFFFD")), name, nil
	}
	text, err = lookup(name).NewDecoder().Bytes(data)
	return text, name, err
}

func lookup(name string) encoding.Encoding {
	switch name {
	case UTF16LE:
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case UTF16BE:
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	case UTF32LE:
		return utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)
	case UTF32BE:
		return utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM)
	}
	if e, err := htmlindex.Get(name); err == nil {
		return e
	}
	return charmap.Windows1252
}

// byLane tells UTF-16 without a mark from binary. Text of any script has
// spaces, digits and line ends, whose high byte is 0, so one lane holds
// nearly all the zero bytes.
func byLane(data []byte) string {
	var zeros [2]int
	for i, c := range data {
		if c == 0 {
			zeros[i&1]++
		}
	}
	name := UTF16LE
	few, many := zeros[0], zeros[1]
	if few > many {
		name, few, many = UTF16BE, many, few
	}
	if len(data)%2 != 0 && len(data) < 64 || few*20 > many {
		return Binary
	}
	// Zeros in one lane may still be a picture or a table of numbers.
	text, err := lookup(name).NewDecoder().Bytes(data[:min(len(data), 64<<10)&^1])
	if err != nil || !LooksLikeText(text) {
		return Binary
	}
	return name
}

// LooksLikeText reports whether UTF-8 text has the make-up of text: hardly
// any control or replacement characters.
func LooksLikeText(text []byte) bool {
	odd, total := 0, 0
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		i += n
		total++
		switch {
		case r == '\n' || r == '\r' || r == '\t' || r == '\f' || r == 0x1a || r == 0x1b:
		case r < ' ' || r == 0x7f || r == utf8.RuneError || r >= 0xe000 && r <= 0xf8ff || r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe:
			odd++
		}
	}
	return odd*100 <= total
}

// countUTF8 reports whether all of data is valid and counts multi-byte
// characters and bytes that belong to none.
func countUTF8(data []byte) (valid bool, multi, bad int) {
	if utf8.Valid(data) {
		return true, 0, 0
	}
	for i := 0; i < len(data); {
		if data[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(data[i:])
		switch {
		case r != utf8.RuneError || n > 1:
			multi++
		case !utf8.FullRune(data[i:]):
			return bad == 0, multi, bad // cut off inside the last character
		default:
			bad++
		}
		i += n
	}
	return false, multi, bad
}

// guess asks a statistical detector about a sample of the text around its
// non-ASCII bytes: in a mostly English text they would drown otherwise.
func guess(data []byte) string {
	const window, most = 48, 32 << 10
	sample := make([]byte, 0, 4096)
	for i := 0; i < len(data) && len(sample) < most; i++ {
		if data[i] < utf8.RuneSelf {
			continue
		}
		end := min(len(data), i+window)
		sample = append(sample, data[max(0, i-window):end]...)
		sample = append(sample, '\n')
		i = end - 1
	}
	const minConfidence = 0.5 // below, its guesses were noise on short texts
	result := chardet.Detect(sample)
	if result.Confidence < minConfidence {
		return "windows-1252"
	}
	e, err := htmlindex.Get(result.Encoding)
	if err != nil {
		return "windows-1252"
	}
	name, err := htmlindex.Name(e)
	if err != nil || name == UTF8 {
		return "windows-1252"
	}
	return name
}
