package e2e

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/bench/fakemodel"
	"github.com/chatconnect/chatconnect/cmd/chatconnect/app"
	"github.com/chatconnect/chatconnect/dev/stack/stacktest"
)

// chatAway is a dependency that goes in the middle of an answer.
type chatAway struct {
	away
	words int // of the answer, 50 ms each
}

func (a chatAway) String() string { return fmt.Sprintf("%s, %d words", a.away, a.words) }

// TestChatKillDependency takes each dependency from API and worker for 10 s in
// the middle of an answer. Meanwhile another visitor asks: he is refused with a
// time at which to come back, or is answered later. Both have their whole
// answer in the end, each logged and counted once and written once, and the
// processes need no restart.
func TestChatKillDependency(t *testing.T) {
	t.Parallel()
	const during, beyond = 60, 260 // the answer would end while it is away, or after that
	var cases []chatAway
	for _, setting := range []string{"DATABASE_URL", "QDRANT_URL", "REDIS_URL", "TEMPORAL_ADDRESS"} {
		cases = append(cases, chatAway{away{setting, false}, during}, chatAway{away{setting, true}, during})
	}
	cases = append(cases, chatAway{away{"REDIS_URL", false}, beyond}, chatAway{away{"REDIS_URL", true}, beyond})
	atOnce(t, cases, func(t *testing.T, a chatAway) {
		knobs := fakemodel.Knobs{Tokens: a.words, Gap: fakemodel.Duration(50 * time.Millisecond)}
		models, settings := startModels(t, knobs)
		environ := append(stacktest.Environ(t), settings...)
		proxy, proxied := throughProxy(t, environ, a.setting)
		api := startRoles(t, app.Roles{API: true}, proxied)
		startRoles(t, app.Roles{Worker: true}, proxied)
		shop := newTenant(t, api.URL(), chatconnect.TierFree)
		shop.learn(tea)
		models.ClearRequests()
		ask := func(message string) map[string]any {
			body := shop.chatBody(whenIsTea)
			body["messageId"] = message
			return body
		}
		first, second := ask("m-1"), ask("m-2")
		stays := shop.stream(first)
		leaves := shop.resume(api.URL(), first, nil)
		for leaves.tokens < 3 {
			require.Equal(t, chatconnect.EventToken, leaves.next())
		}
		leaves.close()
		back := a.leave(proxy)
		later := shop.persist(back, second)
		<-back
		returned := time.Now()

		resumed := shop.persist(back, first, leaves).finish()
		stays.finish()
		t.Logf("the resumed answer was whole %v after the return", time.Since(returned).Round(10*time.Millisecond))
		later.finish()
		t.Logf("the answer to the question asked meanwhile was whole %v after the return", time.Since(returned).Round(10*time.Millisecond))
		for _, body := range []map[string]any{first, second} {
			replays(t, api.history(t, chatWorkflow(shop, body)))
		}
		t.Logf("all was logged %v after the return", time.Since(returned).Round(10*time.Millisecond))
		require.Equal(t, 2, chatRequests(models), "nothing is written twice")
		text := wholeText(models, shop)
		for _, s := range []*stream{stays, resumed, later} {
			require.Empty(t, s.failure)
			require.Equal(t, text, s.text)
			require.Equal(t, []string{tea.name}, sourceNames(s.sources))
		}
		for _, body := range []map[string]any{first, second} {
			require.Equal(t, []string{text}, api.strings(t, `select answer from chat_logs where client_id = $1 and message_id = $2`, shop.ID, body["messageId"]))
		}
		shop.logged(api, 3) // wholeText has asked, too
		require.Equal(t, 1, api.count(t, `select count(*) from usage_stats where client_id = $1 and questions = 3 and answered = 3`, shop.ID))
	})
}

// leave takes the dependency away; the channel is closed when it has come back.
func (a away) leave(proxy interface {
	Pause()
	Resume()
	Down()
	Up()
}) <-chan struct{} {
	back := make(chan struct{})
	if a.mute {
		proxy.Pause()
	} else {
		proxy.Down()
	}
	time.AfterFunc(awayFor, func() {
		if a.mute {
			proxy.Resume()
		} else {
			proxy.Up()
		}
		close(back)
	})
	return back
}

// persist asks, or re-attaches to what has been read, as a widget does: when it
// is refused it must be told when to come back, and does.
func (c *tenant) persist(back <-chan struct{}, body map[string]any, read ...*stream) *stream {
	c.t.Helper()
	asked := time.Now()
	for refusals := 0; ; refusals++ {
		tried := time.Now()
		var s *stream
		var refused response
		if len(read) > 0 {
			url := fmt.Sprintf("%s/chat/stream?messageId=%s&sessionId=%s", c.base, body["messageId"], body["sessionId"])
			if s, refused = tryStream(c.t, http.MethodGet, url, c.PublishableKey, nil, read[0].lastID); s != nil {
				s.text, s.sources = read[0].text, read[0].sources
			}
		} else {
			s, refused = tryStream(c.t, http.MethodPost, c.base+"/chat/stream", c.PublishableKey, body, 0)
		}
		if s != nil {
			c.t.Logf("accepted after %v and %d refusals", time.Since(asked).Round(10*time.Millisecond), refusals)
			return s
		}
		code := refused.is(http.StatusServiceUnavailable).problem()
		after, err := strconv.Atoi(refused.header.Get("Retry-After"))
		require.NoError(c.t, err)
		require.Positive(c.t, after)
		c.t.Logf("refused after %v: %s, come back in %d s", time.Since(tried).Round(10*time.Millisecond), code, after)
		require.Less(c.t, time.Since(asked), patience)
		select {
		case <-time.After(time.Duration(after) * time.Second):
		case <-back:
			time.Sleep(time.Second)
		}
	}
}

// wholeText is the answer as it is without any disturbance.
func wholeText(models *fakemodel.Server, shop *tenant) string {
	shop.t.Helper()
	knobs := models.Knobs()
	knobs.Gap = 0
	require.NoError(shop.t, models.Set(knobs))
	return shop.stream(shop.chatBody(whenIsTea)).finish().text
}
