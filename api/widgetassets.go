package api

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/widget"
)

const (
	// A page that names no version gets a new one within minutes.
	latestCacheControl = "public, max-age=300, stale-while-revalidate=86400"
	namedCacheControl  = "public, max-age=31536000, immutable"
)

// keyFromAddress lets a page name its publishable key in the address: a
// request without a header of its own needs no preflight. Secret keys don't
// belong into addresses, which are logged.
func keyFromAddress(c *gin.Context) {
	if key := c.Query("key"); c.GetHeader(headerAPIKey) == "" && strings.HasPrefix(key, prefixPublishable) {
		c.Request.Header.Set(headerAPIKey, key)
	}
}

// getWidgetScript serves the current widget under the name that pages load.
func (s *Server) getWidgetScript(c *gin.Context) {
	serveAsset(c, s.widget.Script, latestCacheControl)
}

// getWidgetFile serves a file that is named by its content, so that it never
// changes. Files of other versions are not kept.
func (s *Server) getWidgetFile(c *gin.Context) {
	asset, found := s.widget.Named(c.Param("file"))
	if !found {
		// Without this, a page that pins an old version could not read why.
		c.Header("Access-Control-Allow-Origin", "*")
		s.fail(c, chatconnect.Errorf(chatconnect.KindNotFound, "widget_version_unknown",
			"This version of the widget is no longer served. GET /widget.json names the current one."))
		return
	}
	serveAsset(c, asset, namedCacheControl)
}

// widgetVersion answers GET /widget.json.
type widgetVersion struct {
	Script    string `json:"script"`    // path of the current version, which never changes
	Integrity string `json:"integrity"` // for the script element
}

// getWidgetVersion tells what to pin.
func (s *Server) getWidgetVersion(c *gin.Context) {
	c.Header("Cache-Control", "no-cache")
	c.Header("Access-Control-Allow-Origin", "*")
	c.JSON(http.StatusOK, widgetVersion{Script: "/widget/" + s.widget.Name, Integrity: s.widget.Integrity})
}

// serveAsset sends a public file that any page may load, with and without
// CORS (which integrity needs).
func serveAsset(c *gin.Context, asset widget.Asset, cacheControl string) {
	content, tag := asset.Content, `"`+asset.Tag+`"`
	h := c.Writer.Header()
	if acceptsGzip(c.GetHeader("Accept-Encoding")) {
		content, tag = asset.Gzip, `"`+asset.Tag+`-gzip"`
		h.Set("Content-Encoding", "gzip")
	}
	h.Add("Vary", "Accept-Encoding")
	h.Set("ETag", tag)
	h.Set("Cache-Control", cacheControl)
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	if matchesTag(c.GetHeader("If-None-Match"), tag) {
		h.Del("Content-Encoding")
		c.Status(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(content)))
	c.Data(http.StatusOK, asset.Type, content)
}

// acceptsGzip reads Accept-Encoding (RFC 9110 §12.5.3).
func acceptsGzip(header string) bool {
	for coding := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if name = strings.ToLower(strings.TrimSpace(name)); name != "gzip" && name != "*" {
			continue
		}
		value, isWeight := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(weight), " ", ""), "q=")
		if q, err := strconv.ParseFloat(value, 64); isWeight && err == nil && q == 0 {
			return false
		}
		return true
	}
	return false
}
