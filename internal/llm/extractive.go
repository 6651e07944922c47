package llm

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/language/replies"
)

// ExtractiveModel names the built-in model.
const ExtractiveModel = chatconnect.BuiltinModel

const extractiveProvider = "extractive"

// Tuning of the extractive model, on the questions of its test.
const (
	// minCoverage is how much of the question's weight a unit and its passage
	// must hold for the unit to be an answer.
	minCoverage = 0.6
	// passageCredit is what a term counts that stands elsewhere in the
	// passage, its document's name or its section.
	passageCredit = 0.6
	// fullWeight is the weight from which on a question says more than a
	// sentence can be expected to repeat.
	fullWeight = 3.5
	// genericWeight is the weight of a term that asks for a kind of thing
	// ("price", "period") rather than naming one.
	genericWeight = 0.4
	// borrowed is the weight of a term of an earlier turn.
	borrowed = 0.3
	// maxQuotes is how many units an answer is made of at most.
	maxQuotes = 3
	// maxQuoteRunes bounds one of them.
	maxQuoteRunes = 480
)

// genericTerms, by stem: they often are in a question and not in its answer.
var genericTerms = stemSet(`period time date duration price cost fee rate amount number policy rule information info detail details
	address name type kind way option hours opening day days available possible total overview summary company product products item items colour color size maximum minimum email mail telephone
	dauer zeit zeitraum frist preis kosten kostet gebuhr gebuhren anzahl nummer regel regeln adresse art moglichkeit uhrzeit offnungszeiten tage information
	firma produkt produkte gross hoch teuer maximal minimal mindestens hochstens farbe grosse telefon telefonnummer
	delai prix cout tarif frais nombre numero adresse horaire horaires jour jours duree
	plazo precio coste costo tarifa numero direccion horario horarios dias periodo
	prazo preco custo taxa numero endereco horario horarios dias`)

// quantityWords ask for a figure.
var quantityWords = wordList(`long many much when often fast late early old big wann lange viel viele teuer hoch gross combien quand
	cuanto cuanta cuantos cuantas cuando quanto quanta quantos quantas quando price cost period time date number phone
	preis kosten kostet frist dauer prix delai plazo precio prazo preco`)

type extractive struct{}

// NewExtractive returns a model that needs no network: it answers with the
// sentences or rows of the passages that fit the question best, word for
// word, each cited, and says that it doesn't know when none fits well enough.
//
// A term is a word of the question that is not a stop word. A sentence scores
// the sum over the terms of weight × idf × similarity to its nearest word,
// where the heading or question above the sentence counts as part of it;
// ties go to the passage ranked first. Usage counts one token for four code
// points of what was read and written.
func NewExtractive() chatconnect.Model { return extractive{} }

// Name implements chatconnect.Model.
func (extractive) Name(chatconnect.Tier) (provider, model string) {
	return extractiveProvider, ExtractiveModel
}

// Generate implements chatconnect.Model. It fails only when ctx ends or
// onToken fails.
func (extractive) Generate(ctx context.Context, prompt chatconnect.Prompt, onToken func(context.Context, string) error) (chatconnect.Completion, error) {
	text, found := extract(prompt)
	if !found {
		text = replies.Say(replies.NothingFound, localeOf(prompt))
	}
	said, err := recite(ctx, harmless(text), onToken) // documents are as little to be trusted as models
	usage := chatconnect.Usage{InputTokens: estimateTokens(prompt.Question), OutputTokens: estimateTokens(said)}
	for _, p := range prompt.Passages {
		usage.InputTokens += estimateTokens(p.Content)
	}
	return chatconnect.Completion{
		Text: said, Usage: usage, Provider: extractiveProvider, Model: ExtractiveModel, Unanswered: !found,
	}, err
}

// Pace of an answer that is there at once: slow enough that a person sees it
// being written and a relay carries it in several events, as with a real
// model, and over within reciteTime however long it is.
const (
	recitePace = 12 * time.Millisecond // a word
	reciteTime = 400 * time.Millisecond
)

// recite hands the text out word by word, and returns how far it came.
func recite(ctx context.Context, text string, onToken func(context.Context, string) error) (said string, err error) {
	words := strings.SplitAfter(text, " ")
	pace := time.NewTicker(min(recitePace, reciteTime/time.Duration(len(words))))
	defer pace.Stop()
	for i, word := range words {
		if i > 0 {
			select {
			case <-pace.C:
			case <-ctx.Done():
			}
		}
		if err := ctx.Err(); err != nil {
			return said, err
		}
		if err := onToken(ctx, word); err != nil {
			return said, err
		}
		said += word
	}
	return said, nil
}

// term is one word of the question.
type term struct {
	form
	weight float64
	idf    float64
}

// candidate is a unit with how well each term fits it.
type candidate struct {
	unit
	number   int // to cite
	passage  int
	position int       // within the passage
	own      []float64 // similarity of each term to the unit's own words
	match    []float64 // the same with what is around it
	score    float64
	coverage float64
}

// extract writes the answer, or reports that there is none.
func extract(prompt chatconnect.Prompt) (string, bool) {
	terms := questionTerms(prompt)
	if len(terms) == 0 {
		return "", false
	}
	candidates := candidatesOf(prompt.Passages, terms)
	weigh(candidates, terms, asksForFigure(prompt.Question))
	chosen := choose(candidates, terms)
	if len(chosen) == 0 {
		return "", false
	}
	quotes := make([]string, 0, len(chosen))
	for _, c := range chosen {
		quotes = append(quotes, fmt.Sprintf("%s [%d]", c.quote(terms), c.number))
	}
	return strings.Join(quotes, " "), true
}

// questionTerms are the question's words that say something. One that leans
// on the last turn ("And for boots?") borrows that turn's at less weight, and so
// on while that one leans, too.
func questionTerms(prompt chatconnect.Prompt) []term {
	terms := termsOf(prompt.Question, 1, nil)
	if !leans(prompt.Question) && (len(terms) == 0 || len(terms) > 2) {
		return terms
	}
	weight := borrowed
	if len(terms) == 0 {
		weight = 1
	}
	for i := len(prompt.History) - 1; i >= 0; i-- {
		terms = termsOf(prompt.History[i].Question, weight, terms)
		if !leans(prompt.History[i].Question) {
			break
		}
	}
	return terms
}

func termsOf(text string, weight float64, terms []term) []term {
	for _, w := range words(text) {
		if saysNothing(w) || slices.ContainsFunc(terms, func(t term) bool { return t.stem == stem(w) }) {
			continue
		}
		t := term{form: formOf(w), weight: weight}
		if genericTerms[t.stem] {
			t.weight *= genericWeight
		}
		terms = append(terms, t)
	}
	return terms
}

// saysNothing is true of stop words, and of a pair of Han or Kana characters
// that has a part of a question's grammar in it.
func saysNothing(word string) bool {
	return stopWords[word] || strings.ContainsFunc(word, func(r rune) bool {
		return unicode.Is(unicode.Hiragana, r) || strings.ContainsRune("是的了吗嗎呢在有多久少什么麼哪怎样樣何几幾谁誰我你您们們请請问問可以能", r)
	})
}

func candidatesOf(passages []chatconnect.Passage, terms []term) []*candidate {
	var all []*candidate
	numbers := chatconnect.SourceNumbers(passages)
	known := formCache{}
	for p, passage := range passages {
		around := bestSimilarities(terms, known.forms(passage.Content+" "+passage.Section+" "+passage.DocumentName))
		for i, u := range unitsOf(passage.Content) {
			c := &candidate{unit: u, number: numbers[p], passage: p, position: i}
			c.own = bestSimilarities(terms, known.forms(u.searchText()))
			above := bestSimilarities(terms, known.forms(u.context))
			c.match = make([]float64, len(terms))
			for t := range terms {
				c.own[t] = max(c.own[t], 0.9*above[t])
				c.match[t] = max(c.own[t], passageCredit*around[t])
			}
			all = append(all, c)
		}
	}
	return all
}

// bestSimilarities is, for each term, its similarity to the nearest word.
func bestSimilarities(terms []term, text []form) []float64 {
	best := make([]float64, len(terms))
	for t, term := range terms {
		for _, w := range text {
			if best[t] = max(best[t], term.form.similarity(w)); best[t] == 1 {
				break
			}
		}
	}
	return best
}

// weigh computes the terms' idf over the candidates and each one's score and
// coverage.
func weigh(candidates []*candidate, terms []term, figure bool) {
	total := 0.0
	for t := range terms {
		holding := 0
		for _, c := range candidates {
			if c.own[t] >= 0.6 {
				holding++
			}
		}
		n := float64(len(candidates))
		terms[t].idf = math.Log(1 + (n-float64(holding)+0.5)/(float64(holding)+0.5))
		total += terms[t].weight
	}
	total = min(total, fullWeight)
	for _, c := range candidates {
		for t, term := range terms {
			c.score += term.weight * (0.3 + term.idf) * (c.own[t] + 0.25*(c.match[t]-c.own[t]))
			c.coverage += term.weight * c.match[t] / total
		}
		text := c.searchText()
		if figure && strings.ContainsFunc(text, unicode.IsDigit) {
			c.score *= 1.2
		}
		if length := len(strings.Fields(text)); length > 40 && c.cells == nil {
			c.score *= 40 / float64(length)
		}
		c.score *= 1 + 0.05/float64(c.passage+1)
	}
}

// choose picks the best candidate, then others for the terms it lacks.
func choose(candidates []*candidate, terms []term) []*candidate {
	ranked := slices.Clone(candidates)
	slices.SortStableFunc(ranked, func(a, b *candidate) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return 0
	})
	var chosen []*candidate
	covered := make([]float64, len(terms))
	for _, c := range ranked {
		if len(chosen) == maxQuotes || c.coverage < minCoverage || !c.holdsSubject(terms) {
			continue
		}
		if len(chosen) > 0 {
			best := chosen[0]
			gain := 0.0
			for t, term := range terms {
				if c.own[t] >= 0.6 && covered[t] < 0.6 {
					gain += term.weight
				}
			}
			adjacent := c.passage == best.passage && abs(c.position-best.position) == 1
			if gain < 0.3 || c.score < 0.5*best.score && !adjacent || gain < 1 && !adjacent {
				continue
			}
		}
		chosen = append(chosen, c)
		for t := range terms {
			covered[t] = max(covered[t], c.own[t])
		}
	}
	// What stands together is read in its order.
	slices.SortStableFunc(chosen, func(a, b *candidate) int {
		if a.passage == b.passage {
			return a.position - b.position
		}
		return 0
	})
	return chosen
}

// holdsSubject reports whether the unit itself has a term that names
// something, or all terms if none does.
func (c *candidate) holdsSubject(terms []term) bool {
	named, any := false, false
	for t, term := range terms {
		if term.weight > genericWeight {
			named = true
			any = any || c.own[t] >= 0.6
		}
	}
	if named {
		return any
	}
	return slices.Max(c.own) >= 0.6
}

// searchText is everything a unit says.
func (u unit) searchText() string {
	if u.cells == nil {
		return u.text
	}
	var b strings.Builder
	for _, c := range u.cells {
		b.WriteString(c.header + " " + c.value + " ")
	}
	return b.String()
}

// quote is the unit as it is read out: a sentence word for word; of a row its
// first value and the columns that the question names, or all.
func (c *candidate) quote(terms []term) string {
	if c.cells == nil {
		return clip(c.text, terms)
	}
	first := c.cells[0]
	var asked, rest []string
	for _, cell := range c.cells[1:] {
		if cell.value == "" {
			continue
		}
		item := cell.header + ": " + cell.value
		rest = append(rest, item)
		if named(cell.header, terms) {
			asked = append(asked, item)
		}
	}
	if len(asked) > 0 {
		rest = asked
	}
	if len(rest) > maxListItems {
		rest = rest[:maxListItems]
	}
	if len(rest) == 0 {
		return clip(first.header+": "+first.value, terms)
	}
	return clip(first.value+" – "+strings.Join(rest, ", "), terms)
}

func named(header string, terms []term) bool {
	return slices.ContainsFunc(words(header), func(w string) bool { return near(w, terms) })
}

// near reports whether the word is one of the terms or a form of it.
func near(word string, terms []term) bool {
	f := formOf(word)
	return slices.ContainsFunc(terms, func(t term) bool { return t.similarity(f) >= 0.75 })
}

// clip shortens a long quote to the part around its first term, at words.
func clip(text string, terms []term) string {
	text = strings.Join(strings.Fields(text), " ")
	runes := []rune(text)
	if len(runes) <= maxQuoteRunes {
		return text
	}
	at := 0
	for _, field := range strings.Fields(text) {
		if slices.ContainsFunc(words(field), func(w string) bool { return near(w, terms) }) {
			at = utf8.RuneCountInString(text[:strings.Index(text, field)])
			break
		}
	}
	start := min(max(at-maxQuoteRunes/3, 0), len(runes)-maxQuoteRunes)
	end := start + maxQuoteRunes
	for start > 0 && start < at && runes[start-1] != ' ' {
		start++
	}
	for end < len(runes) && end > at+1 && runes[end] != ' ' {
		end--
	}
	clipped := strings.TrimSpace(string(runes[start:end]))
	if start > 0 {
		clipped = "…" + clipped
	}
	if end < len(runes) {
		clipped += "…"
	}
	return clipped
}

func asksForFigure(question string) bool {
	return slices.ContainsFunc(words(question), func(w string) bool { return quantityWords[w] })
}

func stemSet(list string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(list) {
		set[stem(w)] = true
	}
	return set
}

func wordList(list string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(list) {
		set[w] = true
	}
	return set
}

func abs(n int) int { return max(n, -n) }
