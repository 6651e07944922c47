package fakemodel

import (
	"regexp"
	"strings"
	"unicode"
)

// noAnswer is the marker that the prompt may ask for in front of an answer
// that isn't one. The fake uses it only if the prompt mentions it.
const noAnswer = "[[no-answer]]"

// passage is one of the prompt's, with the number to cite.
type passage struct{ number, text string }

// opening finds <passage n="1" …> and <passage-KEY n="1" …>, where KEY is a
// number in hex: examples in a prompt's rules have none.
var opening = regexp.MustCompile(`<(passage(?:-[0-9a-f]+)?) [^>]*?\bn="(\d+)"[^>]*>`)

// passagesOf reads the passages out of a prompt. A tag closes only with its
// own name, so that a text can't end its passage.
func passagesOf(prompt string) []passage {
	var found []passage
	for {
		m := opening.FindStringSubmatchIndex(prompt)
		if m == nil {
			return found
		}
		tag, number := prompt[m[2]:m[3]], prompt[m[4]:m[5]]
		rest := prompt[m[1]:]
		end := strings.Index(rest, "</"+tag+">")
		if end < 0 {
			prompt = rest
			continue
		}
		found = append(found, passage{number, strings.TrimSpace(rest[:end])})
		prompt = rest[end:]
	}
}

// answer writes the reply of ModeContext: the sentence of the passages that
// shares most words with the question, with its number. context is the part
// of the prompt that holds the passages, rules the whole of its system text.
func answer(rules, context, question string) string {
	asked := keywords(question)
	best, bestScore := passage{}, 0.0
	for rank, p := range passagesOf(context) {
		for _, sentence := range sentences(p.text) {
			shared := 0
			in := keywords(sentence)
			for w := range asked {
				if in[w] {
					shared++
				}
			}
			// Fewer other words, then the better rank, win among equals.
			score := float64(shared) - 0.001*float64(len(in)) - 0.0001*float64(rank)
			if shared > 0 && score > bestScore {
				best, bestScore = passage{p.number, sentence}, score
			}
		}
	}
	if best.text == "" {
		reply := "The documents do not say anything about that."
		if strings.Contains(rules, noAnswer) {
			reply = noAnswer + " " + reply
		}
		return reply
	}
	return best.text + " [" + best.number + "]"
}

var sentenceEnd = regexp.MustCompile(`[.!?]["')\]]*\s+|\n+`)

func sentences(text string) []string {
	var out []string
	for len(text) > 0 {
		end := len(text)
		if m := sentenceEnd.FindStringIndex(text); m != nil {
			end = m[1]
		}
		if s := strings.TrimSpace(text[:end]); s != "" {
			out = append(out, s)
		}
		text = text[end:]
	}
	return out
}

var common = func() map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(`a an and are at be by can der die das do does ein eine for from has have how i in is ist it
		much my of on or the there to und was were what when where which who will with you your le la les de des est el los un une`) {
		set[w] = true
	}
	return set
}()

// keywords are the words of a text that say something, without a plural s.
func keywords(text string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if !common[w] {
			if len(w) > 3 {
				w = strings.TrimSuffix(w, "s")
			}
			set[w] = true
		}
	}
	return set
}
