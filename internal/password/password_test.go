package password_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/password"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for given, code := range map[string]string{
		"correct horse battery":         "",
		"пароль-из-слов":                "",
		"lovelace and the long machine": "", // enough is left
		"1234567":                       "password_invalid",
		"ééé":                           "password_invalid",
		strings.Repeat("x", 201):        "password_invalid",
		"12345678":                      "password_common",
		"password123":                   "password_common",
		"PassWord123":                   "password_common",
		"trustno1":                      "password_common",
		"１２３４５６７８":                      "password_common", // full-width
		"adalovelace":                   "password_personal",
		"Ada.Lovelace1815":              "password_personal",
		"analytical-engine":             "password_personal",
		"analyticalengine1":             "password_personal",
		"ada@analytical-engine.co.uk":   "password_personal",
		"ChatConnect-2026":              "password_personal",
		"chatconnectada":                "password_personal",
	} {
		t.Run(given, func(t *testing.T) {
			t.Parallel()
			err := password.Check(given, "ada@analytical-engine.co.uk", "Ada Lovelace")
			if code == "" {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			require.Equal(t, code, chatconnect.AsError(err).Code)
		})
	}
}

// The suffix of a domain is nobody's word.
func TestCheckKeepsSuffixes(t *testing.T) {
	t.Parallel()
	require.NoError(t, password.Check("commander9", "x@example.com", "X"))
}
