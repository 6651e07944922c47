// Package dashboard holds the web pages tenants work with: plain HTML, CSS and
// JavaScript modules that the browser runs as they are, embedded in the
// binary. It imports nothing of ours; api/ serves what Files returns.
package dashboard

import (
	"embed"
	"io/fs"
)

//go:embed static
var static embed.FS

// ContentSecurityPolicy is the policy every page must be served with. Scripts,
// styles, images and connections come from the page's own origin alone, and
// no string can become markup or code.
const ContentSecurityPolicy = "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; " +
	"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// Files returns the pages' files: index.html at the root, everything it loads
// below ui/. The names are stable, so they must be served with a validator
// (ETag) and "no-cache".
func Files() fs.FS {
	files, err := fs.Sub(static, "static")
	if err != nil {
		panic(err) // the directory is part of the binary; a test proves it
	}
	return files
}
