package api

import (
	"bytes"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
)

// page is one static file, ready to be sent.
type page struct {
	name    string
	content []byte
	tag     string
}

// loadPages reads the dashboard's files once: they are part of the binary.
func loadPages(files fs.FS) (map[string]page, error) {
	pages := map[string]page{}
	if files == nil {
		return pages, nil
	}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		p := page{name: name, content: content, tag: entityTag(content)}
		pages["/"+name] = p
		if dir, base := path.Split("/" + name); base == "index.html" {
			pages[dir] = p
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("api: pages: %w", err)
	}
	return pages, nil
}

// getPage serves the dashboard's files, and the 404 of everything else.
func (s *Server) getPage(c *gin.Context) {
	method := c.Request.Method
	p, found := s.pages[c.Request.URL.Path]
	if !found {
		s.fail(c, chatconnect.ErrNotFound)
		return
	}
	if method != http.MethodGet && method != http.MethodHead {
		c.Header("Allow", "GET, HEAD")
		s.methodNotAllowed(c)
		return
	}
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", s.PagePolicy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache") // kept, but asked for: the ETag answers
	if strings.HasPrefix(p.name, "assets/") {
		h.Set("Cache-Control", "public, max-age=31536000, immutable") // named by their content
	}
	h.Set("ETag", p.tag)
	if kind := mime.TypeByExtension(path.Ext(p.name)); kind != "" {
		h.Set("Content-Type", kind)
	}
	c.Status(http.StatusOK)
	http.ServeContent(c.Writer, c.Request, p.name, time.Time{}, bytes.NewReader(p.content))
}
