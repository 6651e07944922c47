package api

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/telemetry"
)

func (s *Server) getDocuments(c *gin.Context) {
	client, _, err := s.memberOf(c, c.Query("clientId"))
	if err != nil {
		s.fail(c, err)
		return
	}
	var filter chatconnect.DocumentFilter
	if filter.Cursor, filter.Limit, err = pageOf(c); err != nil {
		s.fail(c, err)
		return
	}
	documents, next, err := s.Documents.Documents(c.Request.Context(), client, filter)
	if err != nil {
		s.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, gin.H{"documents": notNil(documents), "nextCursor": nextCursor(next)})
}

// getDocument finds a document of the client named by ?clientId=, or of any
// of the user's clients. Each read is of one client all the same: there is no
// way to read a document without saying whose.
func (s *Server) getDocument(c *gin.Context) {
	document, _, err := s.namedDocument(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, document)
}

// namedDocument is the document of the path, and the user's role in its client.
func (s *Server) namedDocument(c *gin.Context) (chatconnect.Document, chatconnect.Role, error) {
	id := c.Param("id")
	if !chatconnect.ValidUUID(id) {
		return chatconnect.Document{}, "", chatconnect.ErrNotFound
	}
	var candidates []chatconnect.Client
	if named := c.Query("clientId"); named != "" {
		client, role, err := s.memberOf(c, named)
		if err != nil {
			return chatconnect.Document{}, "", err
		}
		candidates = append(candidates, chatconnect.Client{ID: client, Role: role})
	} else {
		var err error
		if candidates, err = s.Users.Clients(c.Request.Context(), userID(c)); err != nil {
			return chatconnect.Document{}, "", err
		}
	}
	for _, client := range candidates {
		document, err := s.Documents.Document(c.Request.Context(), client.ID, chatconnect.DocumentID(id))
		if errors.Is(err, chatconnect.ErrNotFound) {
			continue
		}
		if err == nil {
			c.Request = c.Request.WithContext(telemetry.WithClientID(c.Request.Context(), client.ID))
		}
		return document, client.Role, err
	}
	return chatconnect.Document{}, "", chatconnect.ErrNotFound
}

// writableDocument is namedDocument for those who may change it.
func (s *Server) writableDocument(c *gin.Context) (chatconnect.Document, error) {
	document, role, err := s.namedDocument(c)
	if err == nil && !role.CanWrite() {
		err = chatconnect.ErrForbidden
	}
	return document, err
}
