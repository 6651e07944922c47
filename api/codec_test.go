package api_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/chatconnect/chatconnect/api"
	"github.com/chatconnect/chatconnect/temporal"
)

func TestDecodeForTemporalUI(t *testing.T) {
	t.Parallel()
	keys := "2026:" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	handler, err := temporal.NewDecodeHandler(keys)
	require.NoError(t, err)
	const path, page = "/temporal/codec/decode", "http://localhost:8233"
	b := setup(t, func(o *api.Options) { o.Decoder, o.TemporalUIOrigin = handler, page })
	data, err := temporal.NewDataConverter(keys)
	require.NoError(t, err)
	payload, err := data.ToPayload("what does it cost?")
	require.NoError(t, err)
	encoded, err := protojson.Marshal(payload)
	require.NoError(t, err)
	body := object{"payloads": []json.RawMessage{encoded}}

	operator := b.browser().with("Authorization", "Bearer internal secret")
	r := operator.with("Origin", page).post(path, body)
	require.Equal(t, 200, r.StatusCode, "%s", r.body)
	require.Equal(t, page, r.Header.Get("Access-Control-Allow-Origin"))
	plain := r.json(t)["payloads"].([]any)[0].(object)
	text, err := base64.StdEncoding.DecodeString(plain["data"].(string))
	require.NoError(t, err)
	require.Equal(t, `"what does it cost?"`, string(text))
	require.Equal(t, 200, operator.post(path, body).StatusCode, "the command line has no origin")

	for _, wrong := range []*browser{b.browser(), b.browser().with("Authorization", "Bearer guess"), b.browser().with("Authorization", "internal secrets")} {
		wrong.post(path, body).problem(t, 401, "internal_secret_wrong")
	}
	r = operator.with("Origin", "https://evil.test").post(path, body)
	r.problem(t, 403, "origin_not_allowed")
	require.Empty(t, r.Header.Get("Access-Control-Allow-Origin"))
	operator.post(path, "nonsense").problem(t, 400, "payload_undecodable")
	operator.post("/temporal/codec/encode", body).problem(t, 404, "not_found")

	preflight := func(origin string) response {
		return b.browser().with("Origin", origin).with("Access-Control-Request-Method", "POST").do(t.Context(), "OPTIONS", path, nil)
	}
	r = preflight(page)
	require.Equal(t, 204, r.StatusCode)
	require.Equal(t, page, r.Header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, r.Header.Get("Access-Control-Allow-Headers"), "X-Namespace")
	require.Empty(t, preflight("https://evil.test").Header.Get("Access-Control-Allow-Origin"))

	for name, change := range map[string]func(*api.Options){
		"no key":    func(o *api.Options) { o.Decoder = nil },
		"no secret": func(o *api.Options) { o.Decoder, o.InternalAPISecret = handler, "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			off := setup(t, change)
			off.browser().with("Authorization", "Bearer ").post(path, body).problem(t, 404, "not_found")
		})
	}
}
