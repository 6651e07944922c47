package language

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDetect(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Locale{
		"What is the return period?":          English,
		"Is the password in the login email?": English,
		"Wie lange habe ich Zeit?":            German,
		"Öffnungszeiten?":                     German,
		"Quels sont les horaires ?":           French,
		"¿Cuánto cuesta el envío?":            Spanish,
		"Quanto custa o envio?":               Portuguese,
		"Não recebi a encomenda":              Portuguese,
		"Quanto costa la spedizione?":         Italian,
		"Qual è il numero di telefono?":       Italian,
		"Hoeveel kost de verzending?":         Dutch,
		"Wat zijn de openingstijden?":         Dutch,
		"Ile kosztuje wysyłka?":               Polish,
		"Jakie są godziny otwarcia?":          Polish,
		"Kargo ücreti ne kadar?":              Turkish,
		"İade süresi kaç gün?":                Turkish,
		"Сколько стоит доставка?":             Russian,
		"Скільки коштує доставка?":            Ukrainian,
		"كم تكلفة الشحن؟":                     Arabic,
		"运费多少？":                               Chinese,
		"送料はいくらですか？":                          Japanese,
		"배송비가 얼마인가요?":                         Korean,
		"iPhone 15 Pro の返品はできますか":             Japanese,
		"DHL":            "",
		"42":             "",
		"👍":              "",
		"Πόσο κοστίζει;": "", // no locale
		"هزینه ارسال چقدر است؟ پاسخ بدهید لطفاً": "", // Persian
	} {
		require.Equal(t, want, Detect(text), text)
	}
}

func TestWhatTheContextTells(t *testing.T) {
	t.Parallel()
	german := []string{"Hallo, was kostet der Versand?", "DHL"}
	for name, tt := range map[string]struct {
		text    string
		context Context
		want    Locale
	}{
		"the text itself comes first":   {"What does it cost?", Context{Earlier: german, Widget: "fr", Browser: Polish}, English},
		"then the session":              {"UPS?", Context{Earlier: german, Widget: "fr", Browser: Polish}, German},
		"then the widget":               {"UPS?", Context{Widget: "pt-BR", Browser: Polish}, Portuguese},
		"an automatic one says nothing": {"UPS?", Context{Widget: "auto", Browser: Polish}, Polish},
		"then the browser":              {"UPS?", Context{Browser: Polish}, Polish},
		"then English":                  {"UPS?", Context{}, English},
	} {
		require.Equal(t, tt.want, Of(tt.text, tt.context), name)
	}
}

func TestAcceptLanguage(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]Locale{
		"":                                    "",
		"*":                                   "",
		"de":                                  German,
		"de-CH,de;q=0.9,en;q=0.8":             German,
		"sv,en;q=0.5,ja;q=0.7":                Japanese,
		"zh-Hant-TW":                          Chinese,
		"x;;;=q,":                             "",
		"da, fi;q=0.4":                        "",
		"pt-BR,pt;q=0.9,en-US;q=0.8,en;q=0.7": Portuguese,
	} {
		require.Equal(t, want, OfHeader(header), header)
	}
}
