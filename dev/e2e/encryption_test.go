package e2e

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/bench/fakemodel"
)

// TestTemporalHoldsNoWordsInTheClear asks a model that refuses. With
// TEMPORAL_CODEC_KEY the history shows no word of the question, the passage or
// the refusal, which may quote them; without, it shows both.
func TestTemporalHoldsNoWordsInTheClear(t *testing.T) {
	t.Parallel()
	for name, encrypted := range map[string]bool{"with a key": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, settings := startModels(t, fakemodel.Knobs{Faults: []fakemodel.Fault{
				{Kind: fakemodel.FaultStatus, Status: http.StatusBadRequest, Endpoint: fakemodel.EndpointChat},
			}})
			if encrypted {
				settings = append(settings, "TEMPORAL_CODEC_KEY=2026:"+base64.StdEncoding.EncodeToString(make([]byte, 32)))
			}
			product := startProduct(t, settings...)
			shop := newTenant(t, product.URL(), chatconnect.TierFree)
			shop.learn(file{"rumpelstiltskin.txt", []byte("Tea with Rumpelstiltskin is served at four.")})
			body := shop.chatBody("When is tea with Rumpelstiltskin served?")
			answer := shop.stream(body).finish()
			require.NotEmpty(t, answer.failure.Code, "the model did not refuse: %q", answer.text)

			chat := prototext.Format(product.history(t, chatWorkflow(shop, body)))
			require.Equal(t, !encrypted, strings.Contains(chat, "Rumpelstiltskin"), "%s", chat)
			require.Equal(t, !encrypted, strings.Contains(chat, "Secret provider text."), "%s", chat)
		})
	}
}
