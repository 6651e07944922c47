package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Limits of JSON bodies, bytes.
const (
	maxBody     = 64 << 10
	maxChatBody = 32 << 10
)

const (
	// bodyTimeout is how long the body of a request may take to arrive.
	bodyTimeout = 10 * time.Second
	// largeBodyTimeout is how long one may take that is read steadily.
	largeBodyTimeout = 2 * time.Minute
)

// byteOrderMark begins what some editors and Windows tools send as UTF-8. RFC
// 8259 §8.1 lets a parser ignore it.
var byteOrderMark = []byte("\ufeff")

// decodeJSON reads one JSON value of at most limit bytes into v. Members that
// v doesn't know are ignored, so that newer clients can talk to older servers.
func decodeJSON(c *gin.Context, limit int64, v any) error {
	mediaType, _, err := mime.ParseMediaType(c.GetHeader("Content-Type"))
	if err != nil || mediaType != "application/json" {
		return chatconnect.Errorf(chatconnect.KindUnsupported, "content_type_unsupported", "Send the body as application/json.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, limit))
	switch {
	case err != nil:
		return bodyError(err)
	case !utf8.Valid(body):
		return chatconnect.Errorf(chatconnect.KindInvalid, "body_invalid", "The body is not valid UTF-8.")
	}
	decoder := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(body, byteOrderMark)))
	if err := decoder.Decode(v); err != nil {
		var wrongType *json.UnmarshalTypeError
		if errors.As(err, &wrongType) && wrongType.Field != "" {
			return chatconnect.Errorf(chatconnect.KindInvalid, "body_invalid", "%q has the wrong type.", wrongType.Field).Because(err)
		}
		return chatconnect.Errorf(chatconnect.KindInvalid, "body_invalid", "The body is not the JSON object this endpoint takes.").Because(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return chatconnect.Errorf(chatconnect.KindInvalid, "body_invalid", "There is something after the JSON object.")
	}
	return nil
}

// bodyError says why a body could not be read.
func bodyError(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return withStatus(http.StatusRequestTimeout, chatconnect.Errorf(chatconnect.KindInvalid, "body_timeout", "The request took too long to arrive.").Because(err))
	}
	return chatconnect.Errorf(chatconnect.KindInvalid, "body_incomplete", "The request did not arrive completely.").Because(err)
}
