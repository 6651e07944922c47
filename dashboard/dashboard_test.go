package dashboard

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

var reference = regexp.MustCompile(`(?:src|href)="(/[^"#]+)`)
var identified = regexp.MustCompile(`\sid="([^"]+)"`)
var naming = regexp.MustCompile(`\s(?:for|aria-labelledby|aria-describedby|aria-controls)="([^"]+)"`)
var imported = regexp.MustCompile(`from '\./([^']+)'`)

// Everything a page refers to must be in the binary: there is no build step
// that would notice a wrong name.
func TestFilesAreComplete(t *testing.T) {
	t.Parallel()
	files := Files()
	page, err := fs.ReadFile(files, "index.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range reference.FindAllStringSubmatch(string(page), -1) {
		if _, err := fs.Stat(files, strings.TrimPrefix(m[1], "/")); err != nil {
			t.Errorf("index.html refers to %s: %v", m[1], err)
		}
	}
	scripts, err := fs.Glob(files, "ui/*.js")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, script := range scripts {
		source, err := fs.ReadFile(files, script)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range imported.FindAllStringSubmatch(string(source), -1) {
			if _, err := fs.Stat(files, "ui/"+m[1]); err != nil {
				t.Errorf("%s imports %s: %v", script, m[1], err)
			}
		}
	}
}

// A label, a description or a link names an element by its id, and the browser
// takes the first of that id without a word.
func TestIDsAreUniqueAndThere(t *testing.T) {
	t.Parallel()
	page, err := fs.ReadFile(Files(), "index.html")
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]int{}
	for _, m := range identified.FindAllStringSubmatch(string(page), -1) {
		if ids[m[1]]++; ids[m[1]] == 2 {
			t.Errorf("two elements have the id %s", m[1])
		}
	}
	for _, m := range naming.FindAllStringSubmatch(string(page), -1) {
		for _, id := range strings.Fields(m[1]) {
			if ids[id] == 0 {
				t.Errorf("%s names an element that isn't there", m[0])
			}
		}
	}
}

// The policy forbids inline code and markup made of strings; the source must
// not rely on either.
func TestFilesFitThePolicy(t *testing.T) {
	t.Parallel()
	forbidden := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|https?://[a-z]|\son[a-z]+="|\sstyle="|<style|<script>`)
	allowed := regexp.MustCompile(`http://www\.w3\.org/[a-zA-Z0-9/]+`) // namespaces are names, not requests
	err := fs.WalkDir(Files(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		source, err := fs.ReadFile(Files(), path)
		if err != nil {
			return err
		}
		if found := forbidden.FindString(allowed.ReplaceAllString(string(source), "")); found != "" {
			t.Errorf("%s contains %q", path, found)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
