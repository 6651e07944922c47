package smalltalk

import (
	"embed"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/chatconnect/chatconnect/language"
)

// filler are words that may stand between phrases; connector is what a request
// for a person may be followed by, with a subject behind it: "about my order".
const (
	filler    Kind = "filler"
	connector Kind = "connector"
)

// spoken are the kinds of phrases that a message is made of. Of ways of reading
// it with equally many, the first counts.
var spoken = append(slices.Clone(precedence), filler)

// lexicon holds a language's phrases, a pattern for each kind. It matches words
// that are each followed by a space.
type lexicon struct {
	locale   language.Locale // "" if there are no replies in the language
	patterns map[Kind]*regexp.Regexp
}

//go:embed phrases/*.txt
var files embed.FS

var (
	// international are words that are used in many languages.
	international = read("any", "")
	lexicons      = func() []lexicon {
		var all []lexicon
		for _, locale := range language.Locales() {
			all = append(all, read(string(locale), locale))
		}
		return all
	}()
	// others are languages without replies of their own.
	others = read("other", "")
)

// kindOf returns what the words are if all of them belong to phrases.
func (l lexicon) kindOf(words []string) Kind {
	text := strings.Join(words, " ") + " "
	// best is, for each place, the way there with the fewest phrases.
	type way struct {
		phrases int
		kinds   map[Kind]bool
	}
	best := map[int]way{0: {kinds: map[Kind]bool{}}}
	for at := 0; at < len(text); at++ {
		here, reached := best[at]
		if !reached {
			continue
		}
		if here.kinds[Handoff] && l.match(connector, text[at:]) > 0 {
			return Handoff
		}
		for _, kind := range spoken {
			length := l.match(kind, text[at:])
			if length == 0 {
				continue
			}
			next, known := best[at+length]
			if known && next.phrases <= here.phrases+1 {
				continue
			}
			kinds := map[Kind]bool{kind: true}
			for k := range here.kinds {
				kinds[k] = true
			}
			best[at+length] = way{here.phrases + 1, kinds}
		}
	}
	end, covered := best[len(text)]
	if !covered {
		return None
	}
	for _, kind := range precedence {
		if end.kinds[kind] {
			return kind
		}
	}
	return None
}

// match is the length of the longest phrase of a kind that text begins with.
func (l lexicon) match(kind Kind, text string) int {
	pattern := l.patterns[kind]
	if pattern == nil {
		return 0
	}
	found := pattern.FindStringIndex(text)
	if found == nil {
		return 0
	}
	return found[1]
}

// read makes a lexicon of phrases/<name>.txt. A line "[kind]" begins a section;
// every other line is a phrase, in which (a|b c) stands for one of several and
// [a|b c] for one or none.
func read(name string, locale language.Locale) lexicon {
	content, err := files.ReadFile("phrases/" + name + ".txt")
	if err != nil {
		panic(err) // the file is part of the program
	}
	phrases := map[Kind][]string{}
	kind := None
	for number, line := range strings.Split(string(content), "\n") {
		line = strings.TrimSpace(line)
		if section, ok := strings.CutPrefix(line, "["); ok && strings.HasSuffix(section, "]") && isKind(section[:len(section)-1]) {
			kind = Kind(section[:len(section)-1])
			continue
		}
		if line == "" || line[0] == '#' {
			continue
		}
		pattern, err := compile(line)
		if err != nil || kind == None {
			panic(fmt.Sprintf("phrases/%s.txt:%d: %v", name, number+1, err))
		}
		phrases[kind] = append(phrases[kind], pattern)
	}
	l := lexicon{locale: locale, patterns: map[Kind]*regexp.Regexp{}}
	for kind, patterns := range phrases {
		l.patterns[kind] = regexp.MustCompile("^(?:" + strings.Join(patterns, "|") + ")")
		l.patterns[kind].Longest()
	}
	return l
}

func isKind(name string) bool {
	return slices.Contains(spoken, Kind(name)) || Kind(name) == connector
}

var parts = regexp.MustCompile(`\[[^\]]*\]|\([^)]*\)|[^\s()\[\]]+`)

// compile turns a phrase into an expression. Every word ends with a space.
func compile(phrase string) (string, error) {
	var out strings.Builder
	required := false
	for _, part := range parts.FindAllString(phrase, -1) {
		var alternatives []string
		for _, alternative := range strings.Split(strings.Trim(part, "()[]"), "|") {
			words := language.Words(alternative)
			if len(words) == 0 {
				return "", fmt.Errorf("%q has no word", alternative)
			}
			alternatives = append(alternatives, regexp.QuoteMeta(strings.Join(words, " "))+" ")
		}
		out.WriteString("(?:" + strings.Join(alternatives, "|") + ")")
		if part[0] == '[' {
			out.WriteString("?")
		} else {
			required = true
		}
	}
	if !required {
		return "", fmt.Errorf("%q may be empty", phrase)
	}
	return out.String(), nil
}
