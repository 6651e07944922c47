package api

import (
	_ "embed"
	"net/http"

	"github.com/gin-gonic/gin"
)

// OpenAPI is the description of every endpoint, OpenAPI 3.0.3 in YAML.
//
//go:embed openapi.yaml
var OpenAPI []byte

func (s *Server) getOpenAPI(c *gin.Context) {
	tag := entityTag(OpenAPI)
	c.Header("ETag", tag)
	c.Header("Cache-Control", "no-cache")
	if matchesTag(c.GetHeader("If-None-Match"), tag) {
		c.Status(http.StatusNotModified)
		return
	}
	c.Data(http.StatusOK, "application/yaml; charset=utf-8", OpenAPI)
}
