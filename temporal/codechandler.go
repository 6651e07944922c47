package temporal

import (
	"errors"
	"net/http"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
)

// NewDecodeHandler returns the remote codec that Temporal's UI and command line
// ask to make payloads readable: POST …/decode. keys is as in NewDataConverter
// and not empty. It does not encode: nothing but our own processes writes
// payloads. Its errors are plain text with status 400.
func NewDecodeHandler(keys string) (http.Handler, error) {
	c, err := newCodec(keys)
	if err != nil {
		return nil, err
	}
	return converter.NewPayloadCodecHTTPHandler(decodeOnly{c}), nil
}

type decodeOnly struct{ *codec }

func (decodeOnly) Encode([]*commonpb.Payload) ([]*commonpb.Payload, error) {
	return nil, errors.New("this endpoint decodes only")
}
