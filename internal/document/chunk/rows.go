package chunk

import (
	"fmt"
	"strings"
)

// pack is a chunk that several rows share.
type pack struct {
	first  place
	text   strings.Builder
	tokens int
}

// pack puts a row with its number into the open pack, or into a new one if
// that is full. A row too long for any pack is cut like other text.
func (r *run) pack(at place, text string) error {
	line := fmt.Sprintf("Row %d: %s\n", at.row, strings.ReplaceAll(text, "\n", " "))
	n, err := r.tokens.count(line)
	if err != nil {
		return err
	}
	if r.packs != nil && r.packs.tokens+n > MaxTokens {
		if err := r.unpack(); err != nil {
			return err
		}
	}
	if r.flow != nil {
		if _, err := r.endFlow(at, text); err != nil {
			return err
		}
	}
	if n > MaxTokens {
		if err := r.unpack(); err != nil {
			return err
		}
		if r.flow, err = newFlow(r, at, "", ""); err != nil {
			return err
		}
		return r.flow.add(text)
	}
	if r.packs == nil {
		r.packs = &pack{first: at}
	}
	r.packs.text.WriteString(line)
	r.packs.tokens += n
	return nil
}

// unpack emits the open pack.
func (r *run) unpack() error {
	if r.packs == nil {
		return nil
	}
	p := r.packs
	r.packs = nil
	content := strings.TrimSpace(p.text.String())
	n, err := r.tokens.count(content)
	if err != nil {
		return err
	}
	return r.out(p.first, content, n)
}
