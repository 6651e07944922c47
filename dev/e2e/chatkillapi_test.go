package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/cmd/chatconnect/app"
	"github.com/chatconnect/chatconnect/dev/stack/stacktest"
)

// killAPI kills the process that a visitor reads from, in the middle of
// a sentence, and has him go on at another: the one an API alone, whose answer
// a worker goes on writing, the other the only process that there is.
func killAPI(t *testing.T) {
	t.Helper()
	atOnce(t, []string{"api", "api worker"}, func(t *testing.T, roles string) {
		restarts, requests := 0, 1
		if roles != "api" {
			restarts, requests = 1, 2
		}
		models, settings := startModels(t, pausing(slowly))
		environ := append(stacktest.Environ(t), settings...)
		var other *product
		var dies *process
		var shop *tenant
		setUp(func() {
			other = startRoles(t, app.Roles{API: true}, environ)
			if roles == "api" {
				startRoles(t, app.Roles{Worker: true}, environ)
			}
			dies = startRolesProcess(t, roles, environ)
			shop = newTenant(t, other.URL(), chatconnect.TierFree)
			shop.learn(tea)
		})
		body := shop.chatBody(whenIsTea)
		body["messageId"] = theOnlyMessage
		reading := openStream(t, "POST", dies.url+"/chat/stream", shop.PublishableKey, body, 0)
		reading.read(3)
		dies.kill()
		for reading.next() != "" { // what was on its way
		}
		require.Empty(t, reading.done.Status, "it died before the end")
		died := time.Now()
		require.NoError(t, models.Set(slowly))
		if roles != "api" {
			startRoles(t, app.Roles{Worker: true}, environ)
		}
		back := shop.resume(other.URL(), body, reading).finish()
		t.Logf("the answer was whole %v after the death", time.Since(died).Round(10*time.Millisecond))
		history := other.history(t, chatWorkflow(shop, body))
		replays(t, history)
		busy := givenUp(history, restarts)
		atMost(t, requests, busy, chatRequests(models), "how often the model was asked")
		atMost(t, restarts, busy, back.starts, "how often readers were told to start over")
		require.Equal(t, wholeText(models, shop), back.text)
		require.Equal(t, []string{back.text}, other.strings(t, `select answer from chat_logs where client_id = $1 and status = 'answered' and message_id = $2`, shop.ID, theOnlyMessage))
		require.Equal(t, 1, other.count(t, `select count(*) from chat_logs where client_id = $1 and message_id = $2`, shop.ID, theOnlyMessage))
	})
}
