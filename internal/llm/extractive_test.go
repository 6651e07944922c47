package llm

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
)

func passage(document, name string, page int, content string) chatconnect.Passage {
	return chatconnect.Passage{DocumentID: chatconnect.DocumentID(document), DocumentName: name, Page: page, Content: content, Lexical: 1}
}

// shop is what a search over a shop's documents might return.
var shop = []chatconnect.Passage{
	passage("d1", "shipping.pdf", 1, `Shipping & Delivery

We ship with DHL and UPS. Orders to Germany arrive within 3-5 business days. Orders placed before 2 p.m. leave our
warehouse on the same day. Express delivery to Austria costs 14.90 EUR and takes one day.
Shipping to Switzerland is not possible at the moment.`),
	passage("d2", "returns.pdf", 4, `Returns

Clothing can be sent back within 14 days. The return period for shoes is 30 days from the date of delivery, provided
that they have not been worn outdoors. Refunds are paid to the original payment method within 7 days.
Custom-made items are excluded from returns.`),
	passage("d3", "faq.docx", 0, `Q: How do I reset my password?
A: Click "Forgot password" on the login page and follow the link in the e-mail.

Q: Which payment methods do you accept?
A: We accept Visa, Mastercard, PayPal and invoice.

Q: Can I change my order?
A: Yes, up to one hour after you placed it, in your account under "My orders".`),
	passage("d4", "prices.csv", 0, `Product: Runner 2; Price: 89.00 EUR; Sizes: 38-46; Stock: 12
Product: Trail X; Price: 129.00 EUR; Sizes: 39-47; Stock: 0
Product: City Boot; Price: 159.00 EUR; Sizes: 36-42; Stock: 7`),
	passage("d5", "contact.txt", 0, `Our support team can be reached by phone at +49 30 1234567 on weekdays from 9 a.m. to 5 p.m.
Our showroom is located at Lindenstraße 12, 10969 Berlin. For press inquiries write to press@example.com.
The company was founded in 2009 by Dr. Anna Keller and Tom Weber.
The warranty covers:
- broken soles
- defective zips
- loose seams
Damage from improper care is not covered.`),
}

var german1 = []chatconnect.Passage{
	passage("g1", "handbuch.pdf", 2, `Urlaub

Jeder Mitarbeiter hat Anspruch auf 30 Tage Urlaub im Jahr. Der Urlaubsantrag ist spätestens 14 Tage vorher beim Vorgesetzten
einzureichen. Nicht genommene Tage verfallen am 31. März des Folgejahres.`),
	passage("g2", "handbuch.pdf", 5, `Reisekosten

Fahrten mit dem eigenen Auto werden mit 0,30 EUR pro Kilometer erstattet. Hotelkosten werden bis 120 EUR pro Nacht übernommen, z.B. bei
Messen. Belege sind innerhalb von vier Wochen einzureichen.`),
	passage("g3", "handbuch.pdf", 7, `Homeoffice

Homeoffice ist an bis zu drei Tagen pro Woche möglich. Die Kernarbeitszeit von 10 bis 15 Uhr gilt auch zu Hause.
Der Arbeitgeber stellt Laptop und Bildschirm.`),
	passage("g4", "tarife.docx", 0, "Tarif | Preis im Monat | Nutzer\nBasis | 9 EUR | 3\nTeam | 29 EUR | 20\nKonzern | auf Anfrage | unbegrenzt"),
}

func ask(t *testing.T, passages []chatconnect.Passage, question string, history ...chatconnect.Turn) chatconnect.Completion {
	t.Helper()
	var streamed strings.Builder
	got, err := NewExtractive().Generate(context.Background(), chatconnect.Prompt{Question: question, Passages: passages, History: history},
		func(_ context.Context, text string) error { streamed.WriteString(text); return nil })
	require.NoError(t, err)
	require.Equal(t, got.Text, streamed.String(), "the stream is the answer")
	return got
}

func TestExtractiveAnswers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		passages []chatconnect.Passage
		question string
		want     []string // all must be in the answer
		not      string   // must not be
	}{
		{shop, "What is the return period for shoes?", []string{"The return period for shoes is 30 days from the date of delivery", "[2]"}, "Clothing"},
		{shop, "How long do I have to return shoes?", []string{"30 days", "[2]"}, "Runner"},
		{shop, "How long does delivery to Germany take?", []string{"3-5 business days", "[1]"}, "Austria"},
		{shop, "How much is express delivery to Austria?", []string{"14.90 EUR", "[1]"}, "Germany"},
		{shop, "do you ship to switzerland", []string{"Shipping to Switzerland is not possible", "[1]"}, ""},
		{shop, "How can I reset my password?", []string{"Forgot password", "[3]"}, "How do I reset"},
		{shop, "Which payment methods are accepted?", []string{"Visa, Mastercard, PayPal", "[3]"}, "Which payment"},
		{shop, "What does the Trail X cost?", []string{"Trail X", "129.00 EUR", "[4]"}, "Runner"},
		{shop, "What is the price of the City Boot?", []string{"City Boot – Price: 159.00 EUR [4]"}, "Sizes"},
		{shop, "Compare the price of Runner 2 and Trail X", []string{"Runner 2 – Price: 89.00 EUR [4]", "Trail X – Price: 129.00 EUR [4]"}, "City Boot"},
		{shop, "What is the phone number of support?", []string{"+49 30 1234567", "[5]"}, "showroom"},
		{shop, "Where is the showroom?", []string{"Lindenstraße 12, 10969 Berlin.", "[5]"}, "phone"},
		{shop, "Who founded the company?", []string{"Dr. Anna Keller and Tom Weber", "[5]"}, "showroom"},
		{shop, "What does the warrranty cover?", []string{"broken soles; defective zips; loose seams", "[5]"}, ""},
		{shop, "Are refunds paid to the original payment method?", []string{"Refunds are paid to the original payment method within 7 days. [2]"}, "Visa"},
		{shop, "What is the return period for shoes that I bought in the Berlin showroom last week?", []string{"30 days from the date of delivery", "[2]"}, ""},
		{german1, "Wie viele Tage Urlaub habe ich im Jahr?", []string{"30 Tage Urlaub im Jahr", "[1]"}, "Homeoffice"},
		{german1, "Wann verfallen nicht genommene Urlaubstage?", []string{"31. März des Folgejahres", "[1]"}, ""},
		{german1, "Was wird pro Kilometer erstattet?", []string{"0,30 EUR pro Kilometer", "[2]"}, "Hotel"},
		{german1, "Wie viel kostet ein Hotel maximal pro Nacht?", []string{"bis 120 EUR pro Nacht übernommen, z.B. bei Messen.", "[2]"}, ""},
		{german1, "An wie vielen Tagen ist Homeoffice möglich?", []string{"drei Tagen pro Woche", "[3]"}, ""},
		{german1, "Bis wann muss ich Belege einreichen?", []string{"Belege sind innerhalb von vier Wochen einzureichen. [2]"}, ""},
		{german1, "Was sind die Kernzeiten?", []string{"Die Kernarbeitszeit von 10 bis 15 Uhr", "[3]"}, ""},
		{shop, "is paypal ok?", []string{"PayPal and invoice. [3]"}, ""},
		{shop, "whats the address of the showroom", []string{"Lindenstraße 12, 10969 Berlin. [5]"}, ""},
		{shop, "Is the Trail X in stock?", []string{"Trail X – Stock: 0 [4]"}, ""},
		{german1, "Was kostet der Tarif Team?", []string{"Team – ", "Preis im Monat: 29 EUR", "[4]"}, "Basis"},
	} {
		t.Run(tt.question, func(t *testing.T) {
			t.Parallel()
			got := ask(t, tt.passages, tt.question)
			require.False(t, got.Unanswered, got.Text)
			for _, want := range tt.want {
				require.Contains(t, got.Text, want)
			}
			if tt.not != "" {
				require.NotContains(t, got.Text, tt.not)
			}
			require.Equal(t, "extractive", got.Provider)
			require.Positive(t, got.Usage.InputTokens)
			require.Positive(t, got.Usage.OutputTokens)
		})
	}
}

func TestExtractiveSaysThatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		passages       []chatconnect.Passage
		question, want string
	}{
		{shop, "Who is the president of France?", "could not find"},
		{shop, "What is the return period for bicycles?", "could not find"},
		{shop, "Do you offer student discounts?", "could not find"},
		{shop, "who is the CEO?", "could not find"},
		{shop, "how much does the Mountain Shoe cost", "could not find"},
		{shop, "do you ship on weekends?", "could not find"},
		{german1, "Wer zahlt das Fitnessstudio?", "in den Dokumenten leider nichts"},
		{shop, "hello", "could not find"},
		{shop, "What can you do?", "could not find"},
		{nil, "What is the return period for shoes?", "could not find"},
		{german1, "Wie hoch ist das Weihnachtsgeld?", "in den Dokumenten leider nichts"},
		{german1, "Gibt es eine Kantine?", "in den Dokumenten leider nichts"},
		{shop, "Quelle est la capitale de l'Italie ?", "rien trouvé"},
		{shop, "¿Cuál es la capital de Italia?", "no he encontrado"},
		{shop, "Qual é a capital da Itália?", "não encontrei"},
		{shop, "イタリアの首都はどこですか", "見つかりませんでした"},
	} {
		t.Run(tt.question, func(t *testing.T) {
			t.Parallel()
			got := ask(t, tt.passages, tt.question)
			require.True(t, got.Unanswered, got.Text)
			require.Contains(t, got.Text, tt.want)
			require.NotContains(t, got.Text, "[")
		})
	}
}

func TestExtractiveFollowsUp(t *testing.T) {
	t.Parallel()
	got := ask(t, shop, "And for clothing?", chatconnect.Turn{Question: "What is the return period for shoes?", Answer: "30 days [2]."})
	require.Contains(t, got.Text, "Clothing can be sent back within 14 days. [2]")
}

func TestExtractiveReadsChinese(t *testing.T) {
	t.Parallel()
	got := ask(t, []chatconnect.Passage{
		passage("c", "a.txt", 0, "我们的办公室在上海。退货期限为三十天。"),
	}, "退货期限是多久？")
	require.Equal(t, "退货期限为三十天。 [1]", got.Text)
}

func TestExtractiveCitesOneNumberForOnePage(t *testing.T) {
	t.Parallel()
	got := ask(t, []chatconnect.Passage{
		passage("a", "a.pdf", 1, "Apples are red."),
		passage("b", "b.pdf", 1, "Pears are green."),
		passage("a", "a.pdf", 1, "Bananas are yellow."),
	}, "What colour are bananas?")
	require.Equal(t, "Bananas are yellow. [1]", got.Text)
}

func TestExtractiveStops(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	calls := 0
	_, err := NewExtractive().Generate(context.Background(), chatconnect.Prompt{Question: "return period for shoes", Passages: shop},
		func(context.Context, string) error { calls++; return boom })
	require.ErrorIs(t, err, boom)
	require.Equal(t, 1, calls)

	ctx, cancel := context.WithCancel(context.Background())
	_, err = NewExtractive().Generate(ctx, chatconnect.Prompt{Question: "return period for shoes", Passages: shop},
		func(context.Context, string) error { cancel(); return nil })
	require.ErrorIs(t, err, context.Canceled)
}

func TestExtractiveBoundsAQuote(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("lorem ipsum dolor ", 60) + "the warranty lasts two years " + strings.Repeat("sit amet ", 80) + "."
	got := ask(t, []chatconnect.Passage{passage("a", "a", 0, long)}, "How long is the warranty?")
	require.Contains(t, got.Text, "the warranty lasts two years")
	require.LessOrEqual(t, len([]rune(got.Text)), maxQuoteRunes+10)
}

func TestSplitSentences(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"One. Two! Three?", []string{"One.", "Two!", "Three?"}},
		{"It costs 3.50 EUR at example.com. Ask Dr. Who, e.g. by mail.", []string{"It costs 3.50 EUR at example.com.", "Ask Dr. Who, e.g. by mail."}},
		{"Das gilt ab dem 3. März. Danach nicht.", []string{"Das gilt ab dem 3. März.", "Danach nicht."}},
		{"Wait... what?! Yes.", []string{"Wait... what?!", "Yes."}},
		{`He said "no." Then he left.`, []string{`He said "no."`, "Then he left."}},
		{"第一句。第二句！", []string{"第一句。", "第二句！"}},
		{"J. R. Smith wrote it in 2020. It is good", []string{"J. R. Smith wrote it in 2020.", "It is good"}},
		{"", nil},
		{"«Oui.» Non.", []string{"«Oui.»", "Non."}},
	} {
		require.Equal(t, tt.want, splitSentences(tt.text), tt.text)
	}
}

func BenchmarkExtractive(b *testing.B) {
	passages := make([]chatconnect.Passage, 5)
	for i := range passages {
		passages[i] = shop[i]
		passages[i].Content = strings.Repeat(shop[i].Content+"\n\n", 4)
	}
	prompt := chatconnect.Prompt{Question: "What is the return period for shoes that I bought in the Berlin showroom last week?", Passages: passages}
	for b.Loop() {
		if _, found := extract(prompt); !found {
			b.Fatal("no answer")
		}
	}
}
