package postgres

import (
	"encoding/base64"
	"strings"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
)

const (
	defaultPage = 50
	maxPage     = 200
)

// pageSize is how many items a list returns for the limit asked for, 0 for the
// default.
func pageSize(limit int) int {
	if limit <= 0 {
		limit = defaultPage
	}
	return min(limit, maxPage)
}

// pageOf cuts rows, of which one more than limit was read, to a page and the
// encoded cursor of the next, "" at the end.
func pageOf[Row any](rows []Row, limit int, at func(last Row) cursor) (page []Row, next string) {
	if len(rows) <= limit {
		return rows, ""
	}
	return rows[:limit], at(rows[limit-1]).encode()
}

// errCursor refuses a cursor that no list returned.
var errCursor = chatconnect.Errorf(chatconnect.KindInvalid, "cursor_invalid", "The cursor is not one that a list returned.")

// cursor is the last item of a page, newest first: the next page starts
// behind it. Rows that come or go meanwhile move nothing.
type cursor struct {
	createdAt time.Time
	id        string
}

// firstPage is behind nothing: newer than every document.
var firstPage = cursor{time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), "ffffffff-ffff-ffff-ffff-ffffffffffff"}

func (c cursor) encode() string {
	return base64.RawURLEncoding.EncodeToString([]byte(c.createdAt.UTC().Format(time.RFC3339Nano) + "|" + c.id))
}

func decodeCursor(encoded string) (cursor, error) {
	if encoded == "" {
		return firstPage, nil
	}
	decoded, err := decodeStamp(encoded)
	if err == nil && !chatconnect.ValidUUID(decoded.id) {
		err = errCursor
	}
	return decoded, err
}

// decodeStamp leaves the id to the caller.
func decodeStamp(encoded string) (cursor, error) {
	decoded, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return cursor{}, errCursor.Because(err)
	}
	stamp, id, _ := strings.Cut(string(decoded), "|")
	createdAt, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return cursor{}, errCursor.Because(err)
	}
	if createdAt.Year() < 1 || createdAt.Year() > 9999 {
		return cursor{}, errCursor
	}
	return cursor{createdAt, id}, nil
}
