package replies

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/language"
)

// Every locale has every sentence and no other, in words of its own; and what
// the widget's controls speak, the replies do.
func TestEverySentenceExistsInEveryLocale(t *testing.T) {
	t.Parallel()
	widget, err := filepath.Glob("../../widget/locales/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, widget)
	for _, path := range widget {
		locale := language.Locale(strings.TrimSuffix(filepath.Base(path), ".json"))
		require.Contains(t, language.Locales(), locale, "a locale of the widget has no replies")
	}
	own, err := filepath.Glob("locales/*.json")
	require.NoError(t, err)
	require.Len(t, own, len(language.Locales()), "a file of no locale is never read")
	said := map[string]string{}
	for _, locale := range language.Locales() {
		content, err := os.ReadFile(filepath.Join("locales", string(locale)+".json"))
		require.NoError(t, err)
		var table map[Key]string
		require.NoError(t, json.Unmarshal(content, &table))
		require.Len(t, table, len(Keys()), "%s has a sentence without a name", locale)
		for _, key := range Keys() {
			sentence := table[key]
			require.NotEmpty(t, strings.TrimSpace(sentence), "%s lacks %s", locale, key)
			require.Equal(t, strings.TrimSpace(sentence), sentence)
			require.NotContains(t, said, sentence, "%s of %s is not translated", key, locale)
			said[sentence] = string(locale)
			require.Equal(t, sentence, Say(key, locale))
		}
	}
}

// A sentence in a script of its own is told apart by that; the others by their
// words.
func TestSentencesAreInTheirLanguage(t *testing.T) {
	t.Parallel()
	for _, locale := range language.Locales() {
		for _, key := range []Key{NothingFound, About, Handoff, BudgetExhausted} {
			require.Equal(t, locale, language.Detect(Say(key, locale)), "%s: %s", locale, Say(key, locale))
		}
	}
}

func TestErrorsAreToldByWhatToDo(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]Key{
		"budget_exhausted": BudgetExhausted, "model_rate_limited": Busy, "model_unavailable": Unavailable,
		"vector_store_unavailable": Unavailable, "database_unavailable": Unavailable, "timeout": Unavailable, "model_refused": Refused,
		"model_context_too_long": TooLong, "model_credentials_invalid": Failed, "internal": Failed, "chat_failed": Failed, "": Failed,
	} {
		require.Equal(t, Say(want, language.Japanese), OfError(code, language.Japanese), code)
	}
}
