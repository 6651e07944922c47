package postgres

import (
	"encoding/base64"
	"strings"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
)

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
