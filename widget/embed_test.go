package widget_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/widget"
)

// maxScript is what a page pays before anybody opens the panel, maxOpening
// what the first opening adds: bytes, gzip -9.
const (
	maxScript  = 10_000
	maxOpening = 3_200
)

func TestSize(t *testing.T) {
	t.Parallel()
	assets, err := widget.Load()
	require.NoError(t, err)
	require.LessOrEqual(t, len(assets.Script.Gzip), maxScript)
	t.Logf("widget.js: %d bytes, %d compressed", len(assets.Script.Content), len(assets.Script.Gzip))
}

func TestAssets(t *testing.T) {
	t.Parallel()
	assets, err := widget.Load()
	require.NoError(t, err)
	again, err := widget.Load()
	require.NoError(t, err)
	require.Equal(t, assets, again)

	onDisk, err := os.ReadFile(filepath.Join("dist", "widget.js"))
	require.NoError(t, err)
	require.Equal(t, onDisk, assets.Script.Content, "the binary has the committed build")
	sum := sha512.Sum384(onDisk)
	require.Equal(t, "sha384-"+base64.StdEncoding.EncodeToString(sum[:]), assets.Integrity)
	named, found := assets.Named(assets.Name)
	require.True(t, found)
	require.Equal(t, assets.Script, named)
	_, found = assets.Named("widget.js")
	require.False(t, found, "what is cached for ever is named by its content")

	// Every locale is there under the name that the script asks for.
	files, err := os.ReadDir("dist")
	require.NoError(t, err)
	locales := map[string]bool{}
	for _, file := range files {
		hash, locale, named := strings.Cut(strings.TrimSuffix(file.Name(), ".json"), ".")
		if file.Name() == "widget.js" {
			continue
		}
		require.True(t, named, file.Name())
		require.True(t, bytes.Contains(onDisk, []byte("/widget/"+hash+".")), file.Name())
		asset, found := assets.Named(file.Name())
		require.True(t, found, file.Name())
		require.LessOrEqual(t, len(asset.Gzip), maxOpening, file.Name())
		var texts []string
		require.NoError(t, json.Unmarshal(asset.Content, &texts), file.Name())
		require.NotContains(t, texts, "", file.Name())
		locales[locale] = true

		r, err := gzip.NewReader(bytes.NewReader(asset.Gzip))
		require.NoError(t, err)
		plain, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Equal(t, asset.Content, plain)
	}
	require.Equal(t, map[string]bool{"en": true, "de": true, "fr": true, "es": true, "pt": true, "ar": true, "zh": true, "ja": true}, locales)
}
