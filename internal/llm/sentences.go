package llm

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// abbreviations whose full stop ends no sentence, lower-case.
var abbreviations = func() map[string]bool {
	set := map[string]bool{}
	for _, a := range strings.Fields(`e.g i.e etc vs mr mrs ms dr prof st no nr art abs approx ca bzw z.b d.h u.a inkl exkl zzgl evtl ggf
		max min mind tel str inc ltd co corp jan feb mar apr jun jul aug sep sept oct okt nov dec dez fig vol pp p ed est
		av sr sra ud uds núm pág p.ex env resp usw s.o s.u vgl`) {
		set[a] = true
	}
	return set
}()

// splitSentences cuts a paragraph at the ends of its sentences. A full stop
// after an abbreviation, an initial or an ordinal number ends none.
func splitSentences(text string) []string {
	var out []string
	start := 0
	for i, r := range text {
		if !strings.ContainsRune(".!?。！？", r) {
			continue
		}
		end := i + utf8.RuneLen(r)
		if end <= start {
			continue // within the run of stops that ended the last sentence
		}
		for end < len(text) {
			closing, size := utf8.DecodeRuneInString(text[end:])
			if !strings.ContainsRune(`"'”’»)].!?`, closing) {
				break
			}
			end += size
		}
		next, _ := utf8.DecodeRuneInString(text[end:])
		if r < utf8.RuneSelf && end < len(text) && !unicode.IsSpace(next) {
			continue // 3.5, example.com, z.B.
		}
		quoted := strings.ContainsAny(text[i:end], `"'”’»)]`)
		if r == '.' && !quoted && end < len(text) && stopsShort(text[start:i], strings.TrimSpace(text[end:])) {
			continue
		}
		if s := strings.TrimSpace(text[start:end]); s != "" {
			out = append(out, s)
		}
		start = end
	}
	if s := strings.TrimSpace(text[start:]); s != "" {
		out = append(out, s)
	}
	return out
}

// stopsShort reports whether the full stop between before and after belongs
// to the last word of before.
func stopsShort(before, after string) bool {
	fields := strings.Fields(before)
	if len(fields) == 0 {
		return true
	}
	last := strings.ToLower(strings.TrimLeft(fields[len(fields)-1], `("'`))
	if abbreviations[last] {
		return true
	}
	next, _ := utf8.DecodeRuneInString(after)
	if unicode.IsLower(next) {
		return true
	}
	runes := []rune(last)
	if len(runes) == 1 && unicode.IsLetter(runes[0]) {
		return true // an initial
	}
	// "am 3. März", "1. Open the box"
	return len(runes) <= 2 && strings.IndexFunc(last, func(r rune) bool { return !unicode.IsDigit(r) }) < 0 &&
		(len(fields) == 1 || isMonth(after))
}

var months = strings.Fields(`januar februar märz april mai juni juli august september oktober november dezember jänner`)

func isMonth(text string) bool {
	fields := strings.Fields(strings.ToLower(text))
	if len(fields) == 0 {
		return false
	}
	for _, m := range months {
		if strings.HasPrefix(fields[0], m) {
			return true
		}
	}
	return false
}
