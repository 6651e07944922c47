package csvfile_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/document/csvfile"
	"github.com/chatconnect/chatconnect/internal/document/sink"
	"github.com/chatconnect/chatconnect/internal/proctest"
)

func read(data string) (*sink.Memory, error) {
	out := &sink.Memory{}
	limited := &sink.Limited{To: out, MaxBytes: 64 << 20, MaxBlocks: 1 << 20}
	return out, csvfile.Read(strings.NewReader(data), int64(len(data)), limited)
}

func TestRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"plain":                 {"sku,name,price\nA1,Bell,4.50\nA2,Chain,12\n", []string{"1 sku: A1; name: Bell; price: 4.50", "2 sku: A2; name: Chain; price: 12"}},
		"semicolons":            {"sku;name;price\nA1;Bell;4,50\nA2;Chain;12,00\n", []string{"1 sku: A1; name: Bell; price: 4,50", "2 sku: A2; name: Chain; price: 12,00"}},
		"tabs":                  {"sku\tname\nA1\tBell, small\n", []string{"1 sku: A1; name: Bell, small"}},
		"bars":                  {"sku|name\nA1|Bell\n", []string{"1 sku: A1; name: Bell"}},
		"byte order mark":       {"\ufeffsku,name\nA1,Bell\n", []string{"1 sku: A1; name: Bell"}},
		"sep line":              {"sep=;\nsku;name, full\nA1;Bell, small\n", []string{"1 sku: A1; name, full: Bell, small"}},
		"CR only":               {"sku,name\rA1,Bell\rA2,Chain\r", []string{"1 sku: A1; name: Bell", "2 sku: A2; name: Chain"}},
		"CRLF, no end":          {"sku,name\r\nA1,Bell", []string{"1 sku: A1; name: Bell"}},
		"quotes":                {"sku,name\nA1,\"Bell, \"\"small\"\"\"\n", []string{`1 sku: A1; name: Bell, "small"`}},
		"line end in a field":   {"sku,note\nA1,\"one\ntwo\"\nA2,x\n", []string{"1 sku: A1; note: one two", "2 sku: A2; note: x"}},
		"inches":                {"sku,size\nA1,28\" wheel\nA2,\"26\"\n", []string{`1 sku: A1; size: 28" wheel`, "2 sku: A2; size: 26"}},
		"unterminated quote":    {"sku,name\nA1,\"Bell\nA2,Chain\nA3,Lamp\n", []string{`1 sku: A1; name: "Bell`, "2 sku: A2; name: Chain", "3 sku: A3; name: Lamp"}},
		"quote closed by rows":  {"a,b,c\n1,\"x,2\n3,y,4\n5,z,6\n7,w,8\n9,\"v\",10\n", []string{`1 a: 1; b: "x; c: 2`, "2 a: 3; b: y; c: 4", "3 a: 5; b: z; c: 6", "4 a: 7; b: w; c: 8", "5 a: 9; b: v; c: 10"}},
		"no header":             {"A1,Bell,4.50\nA2,Chain,12\n", []string{"1 A1; Bell; 4.50", "2 A2; Chain; 12"}},
		"years as header":       {"Region,2023,2024\nNorth,10,20\nSouth,30,40\n", []string{"1 Region: North; 2023: 10; 2024: 20", "2 Region: South; 2023: 30; 2024: 40"}},
		"empty values and rows": {"sku,name,price\nA1,,4\n,,\nA3,Lamp,\n", []string{"1 sku: A1; price: 4", "3 sku: A3; name: Lamp"}},
		"ragged":                {"sku,name\nA1\nA2,Chain,extra\n", []string{"1 sku: A1", "2 sku: A2; name: Chain; extra"}},
		"one column":            {"name\nBell\nLamp\n", []string{"1 name: Bell", "2 name: Lamp"}},
		"header alone":          {"sku,name\n", []string{"1 sku; name"}},
		"windows-1252":          {"Stück;Größe\n3;gro\xdf\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := read(c.in)
			require.NoError(t, err)
			if c.want == nil {
				require.NotEmpty(t, out.Blocks)
				return
			}
			var got []string
			for _, b := range out.Blocks {
				got = append(got, fmt.Sprint(b.Row, " ", b.Text))
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, code string }{
		"only delimiters": {",,,\n,,,\n", chatconnect.CodeNoText},
		"white space":     {" \n\n \n", chatconnect.CodeNoText},
		"too wide":        {strings.Repeat(",", 10_000_000), chatconnect.CodeTooComplex},
		"too wide later":  {"a,b\n1,2\n" + strings.Repeat("x,", 100_000), chatconnect.CodeTooComplex},
		"binary":          {"a,b\x00\x01\x02\x03,\x05", chatconnect.CodeCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := read(c.in)
			require.Equal(t, c.code, chatconnect.AsError(err).Code, "%v", err)
		})
	}
}

// TestHostileQuotes: each of these took quadratic time or swallowed the file
// in one reader or another.
func TestHostileQuotes(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	for name, unit := range map[string]string{
		"opened in each row":        "\"a,b\n",
		"opened in each field":      "\"a,",
		"pairs":                     "\"\"",
		"triples":                   "\"\"\"a,\n",
		"closed by the next row":    "x,\"a\ny,z\"\n",
		"one close for many opens":  "\"a\n",
		"quote after quote, spaced": "\" ",
	} {
		t.Run(name, func(t *testing.T) {
			data := "p,q\n1,2\n" + strings.Repeat(unit, 5_000_000/len(unit)) + "\",\n"
			var out *sink.Memory
			var err error
			took := proctest.CPUTime(t, func() { out, err = read(data) })
			t.Logf("%d blocks, %v, %v", len(out.Blocks), err, took)
			require.Less(t, took, 30*time.Second)
		})
	}
}

func TestMemoryIsBounded(t *testing.T) {
	data := "sku,name,price\n" + strings.Repeat("A1,Bell of brass,4.50\n", 200_000)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	out := discard{}
	require.NoError(t, csvfile.Read(strings.NewReader(data), int64(len(data)), &out))
	runtime.ReadMemStats(&after)
	require.Equal(t, 200_000, out.blocks)
	allocated := after.TotalAlloc - before.TotalAlloc
	t.Logf("%d MB allocated for %d MB", allocated>>20, len(data)>>20)
	require.Less(t, allocated, uint64(400<<20))
}

type discard struct{ blocks int }

func (d *discard) Block(chatconnect.Block) error { d.blocks++; return nil }
func (*discard) Progress(int, int)               {}
func (*discard) Warn(string)                     {}

func FuzzRead(f *testing.F) {
	f.Add([]byte("a,b\n1,\"2\n3\",4\n"))
	f.Add([]byte("sep=|\na|b\n\"x\"\"y|z\n"))
	f.Add([]byte("\xff\xfea\x00;\x00b\x00\n\x00"))
	f.Add([]byte("\"\"\"a,\"\r\"\r\n\t;;|"))
	f.Fuzz(func(t *testing.T, data []byte) {
		out, err := read(string(data))
		if err != nil {
			require.Equal(t, chatconnect.KindInvalid, chatconnect.AsError(err).Kind, "%v", err)
			return
		}
		require.NotEmpty(t, out.Blocks)
		row := 0
		for _, b := range out.Blocks {
			require.True(t, utf8.ValidString(b.Text))
			require.GreaterOrEqual(t, b.Row, row)
			require.NotEmpty(t, bytes.TrimSpace([]byte(b.Text)))
			row = b.Row
		}
	})
}
