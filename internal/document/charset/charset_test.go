package charset_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"github.com/chatconnect/chatconnect/internal/document/charset"
)

const (
	german   = "Die Öffnungszeiten ändern sich über Weihnachten: täglich von 9 bis 17 Uhr, außer an Feiertagen. Die Gebühr beträgt 12 € für Erwachsene – Kinder zahlen „nichts“.\n"
	french   = "Le café est fermé à Noël ; la réservation coûte 8 € par élève, à régler à l’arrivée.\n"
	russian  = "Библиотека открыта с понедельника по пятницу. Продление возможно дважды, после этого книга должна быть возвращена на полку.\n"
	japaneze = "図書館は月曜日から金曜日まで開いています。本は二週間借りることができます。返却はカウンターでお願いします。\n"
	chinese  = "图书馆周一至周五开放。每本书可以借两个星期。请在柜台归还书籍,逾期需要支付罚款。\n"
	english  = "Plain words of English, and nothing besides.\n"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	utf16 := func(e unicode.Endianness, b unicode.BOMPolicy) encoding.Encoding { return unicode.UTF16(e, b) }
	for name, c := range map[string]struct {
		text string
		in   encoding.Encoding
		want string
	}{
		"ascii":              {english, encoding.Nop, "utf-8"},
		"utf-8":              {german, encoding.Nop, "utf-8"},
		"utf-8 bom":          {german, unicode.UTF8BOM, "utf-8"},
		"utf-16le bom":       {german, utf16(unicode.LittleEndian, unicode.UseBOM), "utf-16le"},
		"utf-16be bom":       {german, utf16(unicode.BigEndian, unicode.UseBOM), "utf-16be"},
		"utf-16le":           {english, utf16(unicode.LittleEndian, unicode.IgnoreBOM), "utf-16le"},
		"utf-16be":           {german, utf16(unicode.BigEndian, unicode.IgnoreBOM), "utf-16be"},
		"utf-16le russian":   {russian, utf16(unicode.LittleEndian, unicode.IgnoreBOM), "utf-16le"},
		"utf-16be japanese":  {japaneze, utf16(unicode.BigEndian, unicode.IgnoreBOM), "utf-16be"},
		"utf-32le bom":       {german, utf32.UTF32(utf32.LittleEndian, utf32.UseBOM), "utf-32le"},
		"windows-1252":       {german, charmap.Windows1252, "windows-1252"},
		"windows-1252 fr":    {french, charmap.Windows1252, "windows-1252"},
		"windows-1251":       {russian, charmap.Windows1251, "windows-1251"},
		"koi8-r":             {russian, charmap.KOI8R, "koi8-r"},
		"shift_jis":          {japaneze, japanese.ShiftJIS, "shift_jis"},
		"euc-jp":             {japaneze, japanese.EUCJP, "euc-jp"},
		"gb18030":            {chinese, simplifiedchinese.GBK, ""},
		"mostly english":     {repeat(english, 200) + german, charmap.Windows1252, "windows-1252"},
		"mostly english rus": {repeat(english, 200) + russian, charmap.Windows1251, "windows-1251"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw, err := c.in.NewEncoder().Bytes([]byte(c.text))
			require.NoError(t, err)
			text, got, err := charset.Decode(raw)
			require.NoError(t, err)
			require.Equal(t, c.text, string(text))
			if c.want != "" {
				require.Equal(t, c.want, got)
			}
		})
	}
}

func TestDecodeDamagedUTF8(t *testing.T) {
	t.Parallel()
	text, name, err := charset.Decode([]byte(repeat(german, 20) + "\xff" + english))
	require.NoError(t, err)
	require.Equal(t, charset.UTF8, name)
	require.Contains(t, string(text), "\ufffd"+english)

	cut := []byte(german + "€")
	_, name, err = charset.Decode(cut[:len(cut)-1])
	require.NoError(t, err)
	require.Equal(t, charset.UTF8, name)
}

func TestDetectBinary(t *testing.T) {
	t.Parallel()
	random := make([]byte, 4096)
	source := rand.New(rand.NewPCG(1, 2))
	for i := range random {
		random[i] = byte(source.Uint32())
	}
	random[17] = 0
	name, _ := charset.Detect(random)
	require.Equal(t, charset.Binary, name)

	// 16-bit samples of a sine have their zeros in one lane too.
	samples := make([]byte, 4096)
	for i := 0; i < len(samples); i += 2 {
		samples[i] = byte(source.IntN(32))
	}
	name, _ = charset.Detect(samples)
	require.Equal(t, charset.Binary, name)
}

func repeat(s string, n int) string {
	out := ""
	for range n {
		out += s
	}
	return out
}
