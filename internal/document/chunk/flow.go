package chunk

import (
	"slices"
	"sort"
	"strings"
	"unicode/utf8"
)

// flow is the text at one place, cut as it comes in.
//
// The next chunk's own text starts at fresh; what it repeats of the text
// before starts at begin <= fresh. ends holds where each token of text ends.
type flow struct {
	run     *run
	place   place
	heading string // in front of each chunk
	fixed   int    // tokens of heading

	text    string
	ends    []int
	begin   int
	fresh   int
	pending strings.Builder // after text, not encoded yet
}

// gather is how much text is collected before any is cut, slack how many
// tokens a chunk may count more than its parts: pieces are encoded anew when
// they stand beside others.
const (
	gather = 2 * encodeBytes
	slack  = 4
)

// newFlow starts a flow. Lead is repeated in front of its first chunk.
func newFlow(r *run, at place, heading, lead string) (*flow, error) {
	f := &flow{run: r, place: at, heading: heading}
	if heading != "" {
		n, err := r.tokens.count(heading)
		if err != nil {
			return nil, err
		}
		f.fixed = n
	}
	if lead != "" {
		f.text = lead + " "
		f.fresh = len(f.text)
		var err error
		if f.ends, err = r.tokens.ends(nil, f.text, 0); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (f *flow) add(text string) error {
	f.pending.WriteString(text)
	if f.pending.Len() < gather {
		return nil
	}
	return f.cut(false)
}

func (f *flow) finish() error { return f.cut(true) }

// cut emits chunks, until nothing is left or, with more to come, until less
// is left than the choice of a cut wants to see.
func (f *flow) cut(all bool) error {
	if err := f.encode(all); err != nil {
		return err
	}
	budget := MaxTokens - f.fixed - slack
	for f.fresh < len(f.text) {
		first := f.tokenAt(f.begin)
		left := len(f.ends) - first
		if !all && left < 2*MaxTokens {
			break
		}
		end := len(f.text)
		if left > budget {
			end = f.chooseEnd(first, budget, left)
		}
		over, err := f.emit(end)
		if err != nil {
			return err
		}
		if over > 0 {
			budget -= over
			continue
		}
		budget = MaxTokens - f.fixed - slack
		f.fresh = end
		f.begin = end
		if end < len(f.text) {
			var err error
			if f.begin, err = f.chooseBegin(end); err != nil {
				return err
			}
		}
	}
	f.drop()
	return nil
}

// encode moves pending text over. With more to come, its last word waits: it
// may go on.
func (f *flow) encode(all bool) error {
	text := f.pending.String()
	f.pending.Reset()
	if !all {
		if i := strings.LastIndexAny(text, " \n"); i > 0 {
			f.pending.WriteString(text[i:])
			text = text[:i]
		}
	}
	base := len(f.text)
	f.text += text
	var err error
	f.ends, err = f.run.tokens.ends(f.ends, text, base)
	return err
}

// drop forgets the text that no chunk needs any more.
func (f *flow) drop() {
	first := f.tokenAt(f.begin)
	if first == 0 {
		return
	}
	// From a token's end, so that the offsets of the others hold.
	offset := f.ends[first-1]
	f.text = strings.Clone(f.text[offset:])
	f.ends = slices.Delete(f.ends, 0, first)
	for i := range f.ends {
		f.ends[i] -= offset
	}
	f.begin -= offset
	f.fresh -= offset
}

// tokenAt is how many tokens end at or before offset.
func (f *flow) tokenAt(offset int) int {
	return sort.Search(len(f.ends), func(i int) bool { return f.ends[i] > offset })
}

// chooseEnd finds where to end a chunk whose first token is first, if it may
// have budget tokens and left are left: at a paragraph's end if there is one
// in the last 40 %, at a sentence's or a line's in the last 30 %, between
// words in the last 15 %, else between characters. What remains is shared
// evenly when it fits into two chunks.
func (f *flow) chooseEnd(first, budget, left int) int {
	size := budget
	if even := (left+OverlapTokens)/2 + budget/8; even < size {
		size = even
	}
	last := first + size // tokens before the latest cut
	at := func(percent int) int { return f.ends[last-size*percent/100-1] }
	top := f.ends[last-1]
	limits := [...]int{cutRune: at(40), cutWord: at(15), cutLine: at(30), cutSentence: at(30), cutParagraph: at(40)}
	best, bestRank := 0, 0
	for i := top; i >= limits[cutParagraph] && i > f.fresh; i-- {
		if r := rank(f.text, i); r > bestRank && i >= limits[r] {
			best, bestRank = i, r
			if r == cutParagraph {
				break
			}
		}
	}
	if best == 0 { // no rune starts there: one token can't be that long
		return top
	}
	return best
}

// chooseBegin finds where the chunk after end begins to repeat: at the best
// boundary around 50 tokens before it, such that the repeated words, counted
// by themselves, are 40 to 60 tokens.
func (f *flow) chooseBegin(end int) (int, error) {
	const least, most, spread, tries = OverlapTokens - 10, OverlapTokens + 10, 7, 12
	token := f.tokenAt(end)
	if token <= OverlapTokens+spread {
		return 0, nil
	}
	ideal := f.ends[token-OverlapTokens-1]
	from, to := f.ends[token-OverlapTokens-spread-1], f.ends[token-OverlapTokens+spread-1]
	best := ideal
	for range tries {
		bestRank := 0
		for i := from; i <= to; i++ {
			r := rank(f.text, i)
			if r > bestRank || r == bestRank && distance(i, ideal) < distance(best, ideal) {
				best, bestRank = i, r
			}
		}
		n, err := f.run.tokens.count(f.text[best:end])
		switch {
		case err != nil:
			return 0, err
		case n > most:
			// Cut words count more by themselves than they did in the text.
			from = best + 1
			to = max(to, min(from+utf8.UTFMax*spread, end))
		case n < least:
			to = best - 1
			from = min(from, max(to-utf8.UTFMax*spread, f.begin+1))
		default:
			return best, nil
		}
	}
	return best, nil
}

func distance(a, b int) int { return max(a-b, b-a) }

// emit hands on the chunk that ends at end, or returns by how many tokens it
// would be too long.
func (f *flow) emit(end int) (over int, err error) {
	if strings.TrimSpace(f.text[f.fresh:end]) == "" {
		return 0, nil
	}
	content := f.heading + strings.TrimSpace(f.text[f.begin:end])
	n, err := f.run.tokens.count(content)
	if err != nil {
		return 0, err
	}
	if n > MaxTokens {
		return n - MaxTokens, nil
	}
	if f.run.trace != nil {
		f.run.trace(f.text[f.begin:f.fresh], f.text[f.fresh:end])
	}
	return 0, f.run.out(f.place, content, n)
}

// openSentence returns the beginning of the sentence that the flow's text so
// far breaks off in, at most its last 45 tokens, or nothing if it doesn't.
func (f *flow) openSentence() (string, error) {
	const most, window = OverlapTokens - 5, 1 << 10
	text := f.text[f.fresh:] + f.pending.String()
	text = strings.TrimSpace(strings.ToValidUTF8(text[max(0, len(text)-window):], ""))
	if text == "" || endsSentence(text) {
		return "", nil
	}
	ends, err := f.run.tokens.ends(nil, text, 0)
	if err != nil {
		return "", err
	}
	from := 0
	if len(ends) > most {
		from = ends[len(ends)-most-1]
	}
	word := -1
	for i := len(text) - 1; i > from; i-- {
		switch r := rank(text, i); {
		case r >= cutSentence:
			return text[i:], nil
		case r >= cutWord:
			word = i
		}
	}
	switch {
	case from == 0:
		return text, nil
	case word > 0:
		return text[word:], nil
	}
	return "", nil
}
