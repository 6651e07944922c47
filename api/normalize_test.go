package api

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	chatconnect "github.com/chatconnect/chatconnect"
)

func TestCleanText(t *testing.T) {
	t.Parallel()
	const (
		family   = "👨\u200d👩\u200d👧"
		heart    = "❤\ufe0f\u200d🔥"
		pilot    = "👩🏽\u200d✈\ufe0f"
		shaking  = "🙂\u200d↔\ufe0f"
		scotland = "🏴\U000E0067\U000E0062\U000E0073\U000E0063\U000E0074\U000E007F"
		persian  = "می\u200cخواهم"
		hindi    = "क\u094d\u200dष"
		digits   = "\u0600١٢"
	)
	for name, test := range map[string]struct{ in, want string }{
		"plain":              {"What does it cost?", "What does it cost?"},
		"surrounding space":  {" \n\tHi \u00a0", "Hi"},
		"newlines":           {"a\r\nb\rc\u2028d\u0085e", "a\nb\nc\nd\ne"},
		"tab":                {"a\tb", "a b"},
		"control":            {"a\x00b\x1b[31mc\x7f\u009b", "ab[31mc"},
		"composed":           {"e\u0301", "é"},
		"composed late":      {"e\u200b\u0301", "é"},
		"bidi":               {"abc\u202edef\u2066x\u2069\u200f", "abcdefx"},
		"zero width":         {"a\u200bb\ufeffc\u2060d\u00ade", "abcde"},
		"joiner in Latin":    {"pass\u200dword", "password"},
		"joiner at the ends": {"\u200dab\u200d", "ab"},
		"joiners in a row":   {"👨\u200d\u200d👩", "👨\u200d👩"},
		"family":             {family, family},
		"heart on fire":      {heart, heart},
		"skin tone":          {pilot, pilot},
		"shaking head":       {shaking, shaking},
		"flag of Scotland":   {scotland + "!", scotland + "!"},
		"tags without flag":  {"hi\U000E0069\U000E0067\U000E006E", "hi"},
		"tags in disguise":   {"🏴\U000E0069\U000E0067\U000E006E\U000E006F\U000E0072\U000E0065\U000E0061\U000E006C\U000E006C\U000E007F", "🏴"},
		"selectors in a row": {"😀\ufe0f\ufe01\ufe02\U000E0101", "😀\ufe0f"},
		"selector alone":     {"\ufe0fa", "a"},
		"selector on space":  {"\u00a0\U000E0100", ""},
		"Persian":            {persian, persian},
		"Hindi":              {hindi, hindi},
		"Arabic number sign": {digits, digits},
		"noncharacter":       {"a\ufffeb\ufdd0c\U0001ffff", "abc"},
		"nothing left":       {"\u200b\u202e \n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, cleanText(test.in))
		})
	}
}

func TestCleanTextProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		once := cleanText(rapid.String().Draw(t, "text"))
		if !norm.NFC.IsNormalString(once) || !utf8.ValidString(once) {
			t.Fatalf("not NFC: %q", once)
		}
		if strings.ContainsAny(once, "\x00\u202e\u200b\ufeff\r\t") {
			t.Fatalf("invisible: %q", once)
		}
		if twice := cleanText(once); twice != once {
			t.Fatalf("not stable: %q, then %q", once, twice)
		}
	})
}

func TestValidMessage(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		in   string
		code string
	}{
		"one":               {"a", ""},
		"two thousand":      {strings.Repeat("😀", 2000), ""},
		"counted after NFC": {strings.Repeat("e\u0301", 2000), ""},
		"one too many":      {strings.Repeat("a", 2001), "message_too_long"},
		"nothing":           {"", "message_empty"},
		"nothing to see":    {"\u200b \u202e", "message_empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := validMessage(test.in)
			if test.code == "" {
				require.NoError(t, err)
				require.NotEmpty(t, text)
				return
			}
			require.Equal(t, test.code, chatconnect.AsError(err).Code)
		})
	}
}

func TestValidMetadata(t *testing.T) {
	t.Parallel()
	nested := func(n int) string { return `{"a":` + strings.Repeat("[", n) + strings.Repeat("]", n) + "}" }
	for name, test := range map[string]struct {
		in   string
		want map[string]any
		ok   bool
	}{
		"none":         {"", nil, true},
		"null":         {"null", nil, true},
		"object":       {`{"page": "/prices", "n": 1.5, "deep": {"x": [true, null]}}`, map[string]any{"page": "/prices", "n": 1.5, "deep": map[string]any{"x": []any{true, nil}}}, true},
		"NUL":          {`{"a\u0000": "b\u0000c"}`, map[string]any{"a": "bc"}, true},
		"array":        {`[1]`, nil, false},
		"string":       {`"x"`, nil, false},
		"4096 bytes":   {`{"a":"` + strings.Repeat("x", 4096-8) + `"}`, map[string]any{"a": strings.Repeat("x", 4096-8)}, true},
		"4097 bytes":   {`{"a":"` + strings.Repeat("x", 4096-7) + `"}`, nil, false},
		"deep enough":  {nested(6), nil, true},
		"too deep":     {nested(8), nil, false},
		"many":         {`{"a":[` + strings.Repeat("1,", 300) + `1]}`, nil, false},
		"huge number":  {`{"a":1e999}`, nil, false},
		"padded space": {`{"a":` + strings.Repeat(" ", 5000) + `1}`, map[string]any{"a": 1.0}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := validMetadata([]byte(test.in))
			if !test.ok {
				require.Equal(t, "metadata_invalid", chatconnect.AsError(err).Code)
				return
			}
			require.NoError(t, err)
			if test.want != nil || test.in == "" {
				require.Equal(t, test.want, got)
			}
		})
	}
}

func TestCleanFileName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"report.pdf":                        "report.pdf",
		"../../etc/passwd":                  "passwd",
		`C:\Users\me\report.pdf`:            "report.pdf",
		"a\x00b\r\n.txt":                    "ab  .txt",
		"gnp.\u202excod":                    "gnp.xcod",
		"e\u0301.txt":                       "é.txt",
		"..":                                "",
		"":                                  "",
		" \t ":                              "",
		"\xff\xfe.txt":                      ".txt",
		strings.Repeat("é", 200) + ".pdf":   strings.Repeat("é", 125) + ".pdf",
		strings.Repeat("x", 300):            strings.Repeat("x", 255),
		"a." + strings.Repeat("long", 100):  ("a." + strings.Repeat("long", 100))[:255],
		"名前\U000E0041\u200b.csv":            "名前.csv",
		"<script>alert(1)</script>.txt":     "script>.txt",
		"quarterly \"final\" (2).docx":      "quarterly \"final\" (2).docx",
		"folder/":                           "",
		strings.Repeat(" ", 400) + "x.pdf":  "x.pdf",
		"a" + strings.Repeat("\u200b", 500): "a",
	} {
		got := cleanFileName(in)
		require.Equal(t, want, got, "%q", in)
		require.LessOrEqual(t, len(got), 255)
	}
}

func TestNormalizeDomain(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"example.com":                        "example.com",
		" Example.COM. ":                     "example.com",
		"https://Example.com/":               "example.com",
		"http://localhost:3000":              "localhost:3000",
		"*.Example.com":                      "*.example.com",
		"https://*.example.com":              "*.example.com",
		"bücher.example":                     "xn--bcher-kva.example",
		"*.bücher.example:8443":              "*.xn--bcher-kva.example:8443",
		"xn--bcher-kva.example":              "xn--bcher-kva.example",
		"192.168.1.10:8080":                  "192.168.1.10:8080",
		"[::1]:3000":                         "[::1]:3000",
		"::1":                                "[::1]",
		"example.com:0443":                   "example.com:443",
		"*.localhost":                        "*.localhost",
		"a_b.example.com":                    "", // no host name has an underscore
		"":                                   "",
		"*":                                  "",
		"*.":                                 "",
		"*.com":                              "",
		"*.co.uk":                            "",
		"*.github.io":                        "",
		"*.192.168.1.1":                      "",
		"a.*.example.com":                    "",
		"exam*ple.com":                       "",
		"example.com/path":                   "",
		"https://example.com/path":           "",
		"user@example.com":                   "",
		"example.com:99999":                  "",
		"example.com:http":                   "",
		"example.com:":                       "",
		"ex ample.com":                       "",
		"ftp://example.com":                  "",
		"null":                               "null", // a host may be called so; the origin "null" still is none
		"-.example.com":                      "",
		strings.Repeat("a", 64) + ".example": "",
	} {
		got, err := normalizeDomain(in)
		if want == "" {
			require.Error(t, err, "%q gave %q", in, got)
			require.Equal(t, "domain_invalid", chatconnect.AsError(err).Code)
			continue
		}
		require.NoError(t, err, "%q", in)
		require.Equal(t, want, got, "%q", in)
		again, err := normalizeDomain(got)
		require.NoError(t, err)
		require.Equal(t, got, again, "normalising is stable")
	}
}

func TestOriginAllowed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		allowed []string
		origin  string
		want    bool
	}{
		{nil, "https://anything.example", true},
		{nil, "", true},
		{nil, "null", true},
		{[]string{"example.com"}, "https://example.com", true},
		{[]string{"example.com"}, "http://example.com", true},
		{[]string{"example.com"}, "https://EXAMPLE.com", true},
		{[]string{"example.com"}, "https://example.com:8443", true},
		{[]string{"example.com"}, "", false},
		{[]string{"example.com"}, "null", false},
		{[]string{"example.com", "null"}, "null", false},
		{[]string{"example.com"}, "https://www.example.com", false},
		{[]string{"example.com"}, "https://example.com.evil.test", false},
		{[]string{"example.com"}, "https://notexample.com", false},
		{[]string{"example.com"}, "https://evil.test#example.com", false},
		{[]string{"example.com"}, "https://evil.test/example.com", false},
		{[]string{"example.com"}, "https://example.com@evil.test", false},
		{[]string{"example.com"}, "https://evil.test?example.com", false},
		{[]string{"example.com"}, "ftp://example.com", false},
		{[]string{"example.com"}, "chrome-extension://example.com", false},
		{[]string{"example.com"}, "example.com", false},
		{[]string{"example.com"}, "https://example.com, https://evil.test", false},
		{[]string{"*.example.com"}, "https://www.example.com", true},
		{[]string{"*.example.com"}, "https://a.b.example.com", true},
		{[]string{"*.example.com"}, "https://example.com", false},
		{[]string{"*.example.com"}, "https://evilexample.com", false},
		{[]string{"*.example.com"}, "https://.example.com", false},
		{[]string{"localhost:3000"}, "http://localhost:3000", true},
		{[]string{"localhost:3000"}, "http://localhost:4000", false},
		{[]string{"localhost:3000"}, "http://localhost", false},
		{[]string{"example.com:443"}, "https://example.com", true},
		{[]string{"example.com:443"}, "http://example.com", false},
		{[]string{"example.com:80"}, "http://example.com", true},
		{[]string{"xn--bcher-kva.example"}, "https://xn--bcher-kva.example", true},
		{[]string{"bücher.example"}, "https://xn--bcher-kva.example", true},
		{[]string{"xn--bcher-kva.example"}, "https://bücher.example", true},
		{[]string{"[::1]:3000"}, "http://[::1]:3000", true},
		{[]string{"127.0.0.1"}, "http://127.0.0.1:5000", true},
		{[]string{"a.example", "b.example"}, "https://b.example", true},
		{[]string{"not a domain"}, "https://b.example", false},
		{[]string{"*.example.com:8443"}, "https://www.example.com:8443", true},
		{[]string{"*.example.com:8443"}, "https://www.example.com", false},
		{[]string{"*.example.com:8443"}, "https://example.com:8443", false},
		{[]string{"*.bücher.example"}, "https://www.xn--bcher-kva.example", true},
		{[]string{"*.bücher.example"}, "https://xn--bcher-kva.example", false},
		{[]string{"bücher.example"}, "https://bucher.example", false},
		{[]string{"BÜCHER.example"}, "https://XN--BCHER-KVA.example", true},
		{[]string{"пример.рф:8443"}, "https://xn--e1afmkfd.xn--p1ai:8443", true},
		{[]string{"пример.рф:8443"}, "https://xn--e1afmkfd.xn--p1ai", false},
		{[]string{"faß.example"}, "https://fass.example", false}, // another name since IDNA 2008
		{[]string{"例え。テスト"}, "https://xn--r8jz45g.xn--zckzah", true},
		{[]string{"example.com"}, "https://example.com.", true}, // the root's dot
		{[]string{"example.com"}, "https://example.com:", true}, // an empty port is the scheme's
		{[]string{"example.com"}, "https://exаmple.com", false}, // a Cyrillic а
		{[]string{"example.com:443"}, "https://example.com:8443", false},
		{[]string{"example.com:8443"}, "http://example.com:8443", true},
		{[]string{"example.com"}, "file://example.com", false},
		{[]string{"example.com"}, "https://example.com\x00.evil.test", false},
		{[]string{"127.0.0.1"}, "http://2130706433", false},
		{[]string{"[::1]"}, "http://[0:0:0:0:0:0:0:1]:5000", true},
	} {
		require.Equal(t, test.want, originAllowed(test.origin, test.allowed), "%q from %q", test.allowed, test.origin)
	}
}

func TestSupersedes(t *testing.T) {
	t.Parallel()
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	doc := func(version int, status chatconnect.Status, progress, updated int) chatconnect.Document {
		return chatconnect.Document{Version: version, Status: status, Progress: progress, UpdatedAt: at(updated)}
	}
	attempt := func(begun int, d chatconnect.Document) chatconnect.Document {
		d.Stages = []chatconnect.StageTime{{Name: chatconnect.StageQueue, StartedAt: at(begun)}}
		return d
	}
	sent := doc(2, chatconnect.StatusEmbedding, 50, 10)
	retried := attempt(12, doc(2, chatconnect.StatusQueued, 0, 12))
	for name, test := range map[string]struct {
		d, sent chatconnect.Document
		want    bool
	}{
		"further":                {doc(2, chatconnect.StatusEmbedding, 60, 11), sent, true},
		"further, clock behind":  {doc(2, chatconnect.StatusEmbedding, 60, 9), sent, true},
		"back":                   {doc(2, chatconnect.StatusEmbedding, 40, 11), sent, false},
		"the same":               {sent, sent, false},
		"a new sentence":         {doc(2, chatconnect.StatusStoring, 50, 11), sent, true},
		"an old sentence":        {doc(2, chatconnect.StatusParsing, 50, 9), sent, false},
		"an older version":       {doc(1, chatconnect.StatusReady, 100, 12), sent, false},
		"a newer version":        {doc(3, chatconnect.StatusQueued, 0, 12), sent, true},
		"failed":                 {doc(2, chatconnect.StatusFailed, 50, 11), sent, true},
		"after the end":          {doc(2, chatconnect.StatusStoring, 99, 9), doc(2, chatconnect.StatusReady, 100, 10), false},
		"deleted after the end":  {doc(2, chatconnect.StatusDeleting, 100, 11), doc(2, chatconnect.StatusReady, 100, 10), true},
		"begun anew after a end": {doc(2, chatconnect.StatusQueued, 0, 11), doc(2, chatconnect.StatusFailed, 60, 10), true},
		"retried":                {retried, attempt(5, doc(2, chatconnect.StatusFailed, 60, 11)), true},
		"the attempt before":     {attempt(5, doc(2, chatconnect.StatusCancelled, 60, 11)), retried, false},
		"a step of that attempt": {attempt(5, doc(2, chatconnect.StatusEmbedding, 60, 10)), retried, false},
		"further after a retry":  {attempt(12, doc(2, chatconnect.StatusParsing, 1, 13)), retried, true},
	} {
		require.Equal(t, test.want, supersedes(test.d, test.sent), name)
	}
}

func TestNewToken(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		token, err := newToken(prefixSecret)
		require.NoError(t, err)
		require.Len(t, token, len(prefixSecret)+32)
		require.False(t, seen[token])
		seen[token] = true
	}
}
