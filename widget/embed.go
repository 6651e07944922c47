// Package widget holds the chat widget that strangers' pages load: its
// TypeScript source, and the committed build, which this file puts into the
// binary. It imports nothing of ours; api/ serves what Load returns.
package widget

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/sha512"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path"
	"strings"
	"sync"
)

//go:embed dist
var dist embed.FS

const scriptName = "widget.js"

// Asset is one file, ready to be sent.
type Asset struct {
	Content []byte
	Gzip    []byte // Content compressed
	Type    string // Content-Type
	Tag     string // hash of Content, to be quoted as an entity tag
}

// Assets are the widget's files. They are the same for every process of one
// version, so that any of them can answer.
type Assets struct {
	Script    Asset  // what widget.js is
	Name      string // what Script is called for ever: "<hash>.js"
	Integrity string // of Script, for an integrity attribute: "sha384-…"
	named     map[string]Asset
}

// Named returns a file that is called by its content, "<hash>.js" or
// "<hash>.<locale>.json", and whether this version has it.
func (a *Assets) Named(name string) (Asset, bool) {
	asset, found := a.named[name]
	return asset, found
}

// Load returns the embedded files; they are compressed once. An error means a
// broken build.
var Load = sync.OnceValues(load)

func load() (*Assets, error) {
	entries, err := dist.ReadDir("dist")
	if err != nil {
		return nil, fmt.Errorf("widget: %w", err)
	}
	assets := &Assets{named: make(map[string]Asset, len(entries))}
	for _, entry := range entries {
		content, err := dist.ReadFile(path.Join("dist", entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("widget: %w", err)
		}
		asset, err := newAsset(entry.Name(), content)
		if err != nil {
			return nil, fmt.Errorf("widget: %s: %w", entry.Name(), err)
		}
		if entry.Name() != scriptName {
			assets.named[entry.Name()] = asset
			continue
		}
		sum := sha512.Sum384(content)
		assets.Script, assets.Name = asset, asset.Tag+".js"
		assets.Integrity = "sha384-" + base64.StdEncoding.EncodeToString(sum[:])
		assets.named[assets.Name] = asset
	}
	if assets.Name == "" {
		return nil, fmt.Errorf("widget: dist has no %s; run make ui", scriptName)
	}
	return assets, nil
}

func newAsset(name string, content []byte) (Asset, error) {
	var compressed bytes.Buffer
	w, err := gzip.NewWriterLevel(&compressed, gzip.BestCompression)
	if err != nil {
		return Asset{}, err
	}
	if _, err := w.Write(content); err != nil {
		return Asset{}, err
	}
	if err := w.Close(); err != nil {
		return Asset{}, err
	}
	kind := "text/javascript; charset=utf-8"
	if strings.HasSuffix(name, ".json") {
		kind = "application/json"
	}
	sum := sha256.Sum256(content)
	return Asset{Content: content, Gzip: compressed.Bytes(), Type: kind, Tag: hex.EncodeToString(sum[:8])}, nil
}
