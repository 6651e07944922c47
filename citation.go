package chatconnect

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// SnippetRunes is the longest snippet of a Source, in code points.
const SnippetRunes = 240

// place is where a reader would look a passage up. Two passages of one page
// are one source.
type place struct {
	document  DocumentID
	page, row int
}

func placeOf(p Passage) place { return place{p.DocumentID, p.Page, p.Row} }

// SourceNumbers gives each passage the number a model must cite it by: its
// own position from 1, or that of the first passage from the same document,
// page and row. A citation thus always has exactly one source.
func SourceNumbers(passages []Passage) []int {
	numbers := make([]int, len(passages))
	first := make(map[place]int, len(passages))
	for i, p := range passages {
		n, seen := first[placeOf(p)]
		if !seen {
			n = i + 1
			first[placeOf(p)] = n
		}
		numbers[i] = n
	}
	return numbers
}

// citationPattern finds [2], [1, 3], [1;3] and [2-4].
var citationPattern = regexp.MustCompile(`\[\s*\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*\s*\]`)

// Citations lists the numbers cited in the answer, each once, in the order of
// their first citation. Numbers outside 1..limit are left out.
func Citations(answer string, limit int) []int {
	var cited []int
	seen := map[int]bool{}
	add := func(n int) {
		if n >= 1 && n <= limit && !seen[n] {
			seen[n] = true
			cited = append(cited, n)
		}
	}
	for _, match := range citationPattern.FindAllString(answer, -1) {
		last, inRange := 0, false
		for _, part := range splitCitation(match) {
			switch part {
			case ",", ";":
				inRange = false
			case "-", "–":
				inRange = true
			default:
				n, err := strconv.Atoi(part)
				if err != nil {
					continue
				}
				if inRange {
					for m := last + 1; m < n && m <= limit; m++ {
						add(m)
					}
				}
				add(n)
				last, inRange = n, false
			}
		}
	}
	return cited
}

// splitCitation cuts "[1, 3-5]" into "1" "," "3" "-" "5".
func splitCitation(s string) []string {
	var parts []string
	digits := ""
	for _, r := range strings.Trim(s, "[]") + " " {
		if r >= '0' && r <= '9' {
			digits += string(r)
			continue
		}
		if digits != "" {
			parts, digits = append(parts, digits), ""
		}
		if !unicode.IsSpace(r) {
			parts = append(parts, string(r))
		}
	}
	return parts
}

// Cited returns the sources of an answer: those whose number occurs in it as
// [n], in the order of first citation; if it cites none, all passages in rank
// order. Passages from one document, page and row are one source, whose
// snippet is taken from the passage and the part of it that the answer shares
// most words with.
//
// An answer that says it doesn't know has no sources: callers check
// Completion.Unanswered first.
func Cited(answer string, passages []Passage) []Source {
	sources := []Source{}
	if strings.TrimSpace(answer) == "" {
		return sources
	}
	numbers := SourceNumbers(passages)
	order := Citations(answer, len(passages))
	if len(order) == 0 {
		order = numbers
	}
	words := wordSet(answer)
	done := map[int]bool{}
	for _, n := range order {
		n = numbers[n-1]
		if done[n] {
			continue
		}
		done[n] = true
		source := Source{Index: n}
		best := -1
		for i, p := range passages {
			if numbers[i] != n {
				continue
			}
			if text, hits := snippet(p.Content, words); hits > best {
				best = hits
				source.DocumentID, source.Name, source.Page, source.Row = p.DocumentID, p.DocumentName, p.Page, p.Row
				source.Snippet = text
			}
			source.Score = max(source.Score, p.Score)
		}
		sources = append(sources, source)
	}
	return sources
}

// span is one word of a text, in code points.
type span struct {
	start, end int
	hit        bool
}

// snippet cuts at most SnippetRunes code points out of content, at word
// borders, so that they hold as many of the words as possible, and says how
// many that are. Runs of white space become one space; "…" marks a cut.
func snippet(content string, words map[string]bool) (string, int) {
	runes := []rune(strings.Join(strings.Fields(content), " "))
	spans := wordSpans(runes, words)
	if len(runes) <= SnippetRunes {
		return string(runes), distinctHits(runes, spans)
	}
	const room = SnippetRunes - 2 // for an ellipsis at either end
	bestStart, bestEnd, bestHits := 0, 0, -1
	end := 0
	for start := range spans {
		if start > 0 && !startsWell(runes, spans[start].start) && !spans[start].hit {
			continue
		}
		for end < len(spans) && spans[end].end-spans[start].start <= room {
			end++
		}
		if end <= start {
			end = start
			continue // one word longer than a snippet
		}
		// Among equals the sentence nearest to the words wins.
		hits := distinctHits(runes, spans[start:end])
		if hits > bestHits || hits == bestHits && hits > 0 && startsWell(runes, spans[start].start) {
			bestHits, bestStart, bestEnd = hits, spans[start].start, spans[end-1].end
		}
	}
	if bestHits < 0 {
		return string(runes[:room]) + "…", 0
	}
	if bestEnd < len(runes) && bestEnd-bestStart < room && strings.ContainsRune(".!?)%", runes[bestEnd]) {
		bestEnd++
	}
	text := string(runes[bestStart:bestEnd])
	if bestStart > 0 {
		text = "…" + text
	}
	if bestEnd < len(runes) {
		text += "…"
	}
	return text, bestHits
}

// startsWell reports whether a sentence begins at i.
func startsWell(runes []rune, i int) bool {
	return i < 2 || strings.ContainsRune(".!?:;", runes[i-2])
}

func distinctHits(runes []rune, spans []span) int {
	seen := map[string]bool{}
	for _, s := range spans {
		if s.hit {
			seen[strings.ToLower(string(runes[s.start:s.end]))] = true
		}
	}
	return len(seen)
}

func wordSpans(runes []rune, words map[string]bool) []span {
	var spans []span
	for i := 0; i < len(runes); {
		if !isWordRune(runes[i]) {
			i++
			continue
		}
		start := i
		for i < len(runes) && isWordRune(runes[i]) {
			i++
		}
		spans = append(spans, span{start, i, words[strings.ToLower(string(runes[start:i]))]})
	}
	return spans
}

// wordSet holds the words of an answer that say something: those of two
// letters and less are in every text.
func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	text = citationPattern.ReplaceAllString(text, " ")
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !isWordRune(r) }) {
		if len([]rune(w)) > 2 || strings.ContainsFunc(w, unicode.IsDigit) {
			set[w] = true
		}
	}
	return set
}

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }
