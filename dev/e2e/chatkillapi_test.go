package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/cmd/chatconnect/app"
	"github.com/chatconnect/chatconnect/dev/stack/stacktest"
)

// TestChatKillAPI kills the process that a visitor reads from, in the middle of
// a sentence, and has him go on at another: the one an API alone, whose answer
// a worker goes on writing, the other the only process that there is.
func TestChatKillAPI(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		roles              string
		restarts, requests int
	}{{"api", 0, 1}, {"api worker", 1, 2}} {
		t.Run(strings.ReplaceAll(test.roles, " ", "-and-"), func(t *testing.T) {
			t.Parallel()
			models, settings := startModels(t, slowly)
			environ := append(stacktest.Environ(t), settings...)
			other := startRoles(t, app.Roles{API: true}, environ)
			if test.roles == "api" {
				startRoles(t, app.Roles{Worker: true}, environ)
			}
			dies := startRolesProcess(t, test.roles, environ)
			shop := newTenant(t, other.URL(), chatconnect.TierFree)
			shop.learn(tea)
			body := shop.chatBody(whenIsTea)
			body["messageId"] = theOnlyMessage
			reading := openStream(t, "POST", dies.url+"/chat/stream", shop.PublishableKey, body, 0)
			for reading.tokens < 3 {
				require.Equal(t, chatconnect.EventToken, reading.next())
			}
			dies.kill()
			for reading.next() != "" { // what was on its way
			}
			require.Empty(t, reading.done.Status, "it died before the end")
			died := time.Now()
			if test.roles != "api" {
				startRoles(t, app.Roles{Worker: true}, environ)
			}
			back := shop.resume(other.URL(), body, reading).finish()
			t.Logf("the answer was whole %v after the death", time.Since(died).Round(10*time.Millisecond))
			requests := chatRequests(models)
			require.Equal(t, wholeText(models, shop), back.text)
			require.Equal(t, test.requests, requests)
			require.Equal(t, test.restarts, back.starts)
			replays(t, other.history(t, chatWorkflow(shop, body)))
			require.Equal(t, []string{back.text}, other.strings(t, `select answer from chat_logs where client_id = $1 and status = 'answered' and message_id = $2`, shop.ID, theOnlyMessage))
			require.Equal(t, 1, other.count(t, `select count(*) from chat_logs where client_id = $1 and message_id = $2`, shop.ID, theOnlyMessage))
		})
	}
}
