package api

import (
	"strconv"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
)

const (
	defaultPage = 50
	maxPage     = 200
	maxCursor   = 256 // bytes
)

// pageOf reads which page of a list is asked for: ?cursor= and ?limit=.
func pageOf(c *gin.Context) (cursor string, limit int, err error) {
	cursor, limit = c.Query("cursor"), defaultPage
	if text := c.Query("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > maxPage {
			return "", 0, chatconnect.Errorf(chatconnect.KindInvalid, "limit_invalid", "limit is a number from 1 to %d.", maxPage)
		}
	}
	if len(cursor) > maxCursor {
		return "", 0, chatconnect.Errorf(chatconnect.KindInvalid, "cursor_invalid", "cursor is the nextCursor of the page before.")
	}
	return cursor, limit, nil
}

// nextCursor is null in JSON at the end of a list.
func nextCursor(next string) *string {
	if next == "" {
		return nil
	}
	return &next
}
