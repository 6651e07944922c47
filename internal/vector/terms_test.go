package vector

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestTerms(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text string
		want string // space-separated
	}{
		"words, case, punctuation":  {"Free SHIPPING, from $50!", "free shipping 50"},
		"stop words":                {"What is the price of it?", "price"},
		"identifiers are split":     {"A-12.5/QX_7741", "12 5 qx 7741"},
		"plurals":                   {"prices boxes queries bus glass shoes", "price boxe query bus glass shoe"},
		"plurals meet singulars":    {"price query shoe", "price query shoe"},
		"Latin diacritics":          {"Crème Brûlée Œuvre naïve Łódź", "creme brulee oeuvre naive lodz"},
		"German":                    {"Die Größe der Straße", "die grosse strasse"},
		"Greek":                     {"Ελλάδα ΟΔΌΣ οδός", "ελλαδα οδοσ οδοσ"},
		"Cyrillic keeps й":          {"Ёлка ёлка йод", "елка елка йод"},
		"decomposed input":          {"Cre\u0300me", "creme"},
		"ligatures, full width":     {"ﬁnance ＡＢＣ１２", "finance abc12"},
		"French elision":            {"l’hôtel d'été", "hotel ete"},
		"Chinese":                   {"退货政策", "退货 货政 政策"},
		"one Chinese character":     {"猫 と 犬", "猫 と 犬"},
		"Japanese with Latin":       {"東京タワーABC料金", "東京 京タ タワ ワー abc 料金"},
		"Korean":                    {"반품 정책은", "반품 정책 책은"},
		"Thai keeps its marks":      {"ที่", "ท\u0e35 \u0e35\u0e48"},
		"Arabic without vowels":     {"كِتَاب", "كتاب"},
		"Hindi keeps its marks":     {"नीति", "नीति"},
		"nothing":                   {" \n—…!? ", ""},
		"invalid UTF-8 is no word":  {"ab\xffcd", "ab cd"},
		"overlong words are cut":    {strings.Repeat("x", 200), strings.Repeat("x", 64)},
		"overlong, never mid-rune":  {strings.Repeat("ж", 50), strings.Repeat("ж", 32)},
		"words of other languages":  {"not now, no war", "not now no war"},
		"apostrophes":               {"the customer's parcel", "customer parcel"},
		"digits of another script":  {"٣٤", "٣٤"},
		"hyphens and soft hyphens ": {"e-mail", "mail"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, strings.Join(slices.Collect(Terms(test.text)), " "))
		})
	}
}

func TestTermsProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.String().Draw(rt, "text")
		terms := slices.Collect(Terms(text))
		for _, term := range terms {
			require.NotEmpty(rt, term)
			require.True(rt, utf8.ValidString(term))
			require.LessOrEqual(rt, len(term), maxTermBytes)
		}
		// Stopping early yields the same beginning.
		if len(terms) > 1 {
			var first []string
			for term := range Terms(text) {
				if first = append(first, term); len(first) == len(terms)/2 {
					break
				}
			}
			require.Equal(rt, terms[:max(1, len(terms)/2)], first)
		}
	})
}

func BenchmarkTerms(b *testing.B) {
	text := strings.Repeat("Returns are accepted within 30 days of délivery; the customer's parcel must be unused. ", 100)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		for range Terms(text) {
		}
	}
}
