package temporal

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	sdktemporal "go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"
)

const (
	encodingEncrypted = "binary/chatconnect-aes-gcm"
	metadataKeyID     = "encryption-key-id"
)

// codec encrypts every payload with AES-256-GCM, so that Temporal's history,
// its database and its UI hold no visitor's words in the clear.
type codec struct {
	current string // id of the key that encrypts
	keys    map[string]cipher.AEAD
}

var _ converter.PayloadCodec = (*codec)(nil)

// NewDataConverter returns the SDK's JSON converter, with payloads encrypted
// if keys is not empty. keys is "id:base64(32 bytes)", comma-separated: the
// first encrypts, all decrypt, so that keys can be rotated.
func NewDataConverter(keys string) (converter.DataConverter, error) {
	if keys == "" {
		return converter.GetDefaultDataConverter(), nil
	}
	c, err := newCodec(keys)
	if err != nil {
		return nil, err
	}
	return converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), c), nil
}

// NewFailureConverter returns the SDK's failure converter. With keys it encrypts
// messages and stack traces as NewDataConverter does payloads, because a
// provider's refusal may quote the question.
func NewFailureConverter(keys string) (converter.FailureConverter, error) {
	data, err := NewDataConverter(keys)
	if err != nil {
		return nil, err
	}
	return sdktemporal.NewDefaultFailureConverter(sdktemporal.DefaultFailureConverterOptions{
		DataConverter: data, EncodeCommonAttributes: keys != "",
	}), nil
}

func newCodec(keys string) (*codec, error) {
	c := &codec{keys: map[string]cipher.AEAD{}}
	for entry := range strings.SplitSeq(keys, ",") {
		id, encoded, found := strings.Cut(strings.TrimSpace(entry), ":")
		key, err := base64.StdEncoding.DecodeString(encoded)
		if !found || id == "" || err != nil || len(key) != 32 {
			return nil, errors.New("TEMPORAL_CODEC_KEY: each key must be id:base64 of 32 bytes")
		}
		if _, twice := c.keys[id]; twice {
			return nil, fmt.Errorf("TEMPORAL_CODEC_KEY: the id %q stands twice", id)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		c.keys[id] = aead
		if c.current == "" {
			c.current = id
		}
	}
	return c, nil
}

// Encode implements converter.PayloadCodec.
func (c *codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	encoded := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		plain, err := proto.Marshal(p)
		if err != nil {
			return nil, err
		}
		encoded[i] = &commonpb.Payload{
			Metadata: map[string][]byte{
				converter.MetadataEncoding: []byte(encodingEncrypted),
				metadataKeyID:              []byte(c.current),
			},
			Data: c.keys[c.current].Seal(nil, nil, plain, []byte(c.current)), //nolint:gosec // the nonce is random: NewGCMWithRandomNonce
		}
	}
	return encoded, nil
}

// Decode implements converter.PayloadCodec. Payloads written before encryption
// was turned on pass through.
func (c *codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	decoded := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		if string(p.GetMetadata()[converter.MetadataEncoding]) != encodingEncrypted {
			decoded[i] = p
			continue
		}
		id := string(p.GetMetadata()[metadataKeyID])
		aead, known := c.keys[id]
		if !known {
			return nil, fmt.Errorf("payload is encrypted with key %q, which TEMPORAL_CODEC_KEY does not hold", id)
		}
		plain, err := aead.Open(nil, nil, p.GetData(), []byte(id))
		if err != nil {
			return nil, fmt.Errorf("decrypt payload: %w", err)
		}
		decoded[i] = &commonpb.Payload{}
		if err := proto.Unmarshal(plain, decoded[i]); err != nil {
			return nil, err
		}
	}
	return decoded, nil
}
