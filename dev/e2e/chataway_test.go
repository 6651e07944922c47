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
	"github.com/chatconnect/chatconnect/internal/redistest"
)

// chatAway is a dependency that goes in the middle of an answer.
type chatAway struct {
	away
	forgets bool // Redis comes back empty
	words   int  // of the answer, 50 ms each
}

func (a chatAway) String() string {
	name := fmt.Sprintf("%s, %d words", a.away, a.words)
	if a.forgets {
		name += ", back empty"
	}
	return name
}

// takeDependency takes each dependency from API and worker for 10 s in
// the middle of an answer. One visitor stays, another leaves and comes back,
// and others ask: who is refused is told when to come back, and does. In the
// end all have their whole answer, each logged and counted once, and the
// processes needed no restart.
func takeDependency(t *testing.T) {
	t.Helper()
	const during, beyond = 60, 260 // the answer would end while it is away, or after that
	var cases []chatAway
	for _, setting := range []string{"DATABASE_URL", "QDRANT_URL", "REDIS_URL", "TEMPORAL_ADDRESS"} {
		for _, mute := range []bool{false, true} {
			cases = append(cases, chatAway{away: away{setting, mute}, words: during})
		}
	}
	for _, words := range []int{during, beyond} {
		cases = append(cases, chatAway{away: away{setting: "REDIS_URL"}, words: words, forgets: true})
	}
	cases = append(cases, chatAway{away: away{setting: "REDIS_URL"}, words: beyond}, chatAway{away: away{"REDIS_URL", true}, words: beyond})
	atOnce(t, cases, func(t *testing.T, a chatAway) {
		models, settings := startModels(t, fakemodel.Knobs{Tokens: a.words, Gap: fakemodel.Duration(50 * time.Millisecond)})
		environ := append(stacktest.Environ(t), settings...)
		proxy, proxied := throughProxy(t, environ, a.setting)
		var api *product
		var shop *tenant
		setUp(func() {
			api = startRoles(t, app.Roles{API: true}, proxied)
			startRoles(t, app.Roles{Worker: true}, proxied)
			shop = newTenant(t, api.URL(), chatconnect.TierFree)
			shop.learn(tea)
		})
		models.ClearRequests()
		questions := make([]map[string]any, 3) // the sessions begin while all is well
		for i := range questions {
			questions[i] = shop.chatBody(whenIsTea)
			questions[i]["messageId"] = fmt.Sprintf("m-%d", i)
		}

		stays := shop.stream(questions[0])
		leaves := shop.resume(api.URL(), questions[0], nil)
		leaves.read(3)
		leaves.close()
		back := a.leave(proxy)
		if a.forgets {
			shop.forget((&product{environ: environ}).storage(t))
		}
		streams := []*stream{stays, shop.persist(back, questions[1], nil)}
		pause(t, back, 1500*time.Millisecond) // the API has forgotten the key by then
		streams = append(streams, shop.persist(back, questions[2], nil), shop.persist(back, questions[0], leaves))
		<-back
		returned := time.Now()
		streams = append(streams, shop.persist(back, questions[0], leaves))
		for _, s := range streams {
			s.finish()
		}
		t.Logf("all answers were whole %v after the return", time.Since(returned).Round(10*time.Millisecond))
		failed := 0
		for i, body := range questions {
			history := api.history(t, chatWorkflow(shop, body))
			replays(t, history)
			failed += failedAttempts(history, "Generate")
			if i == 0 && a.setting == "DATABASE_URL" && !a.mute {
				keepHistory(t, "answer-logged-late", history)
			}
		}
		t.Logf("all were logged %v after the return", time.Since(returned).Round(10*time.Millisecond))
		// Temporal gives up an attempt of which it does not hear, be it away or
		// only busy, as the embedded one is when all of this starts at once.
		require.LessOrEqual(t, chatRequests(models), len(questions)+failed, "only what failed is written again")
		text := wholeText(models, shop)
		for _, s := range streams {
			require.Empty(t, s.failure)
			require.Equal(t, text, s.text)
			require.Equal(t, []string{tea.name}, sourceNames(s.sources))
		}
		shop.logged(api, len(questions)+1) // wholeText has asked, too
		for _, body := range questions {
			require.Equal(t, []string{text}, api.strings(t, `select answer from chat_logs where client_id = $1 and message_id = $2`, shop.ID, body["messageId"]))
		}
		require.Equal(t, []string{"4 4"}, api.strings(t, `select sum(questions) || ' ' || sum(answered) from usage_stats where client_id = $1`, shop.ID))
	})
}

// pause waits for the time, or until the dependency is back.
func pause(t testing.TB, back <-chan struct{}, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-back:
	}
}

// forget removes what Redis holds of the client, its keys and its streams.
func (c *tenant) forget(s *storage) {
	c.t.Helper()
	keys, err := s.redis.Keys(c.t.Context(), "*"+string(c.ID)+"*").Result()
	require.NoError(c.t, err)
	require.NotEmpty(c.t, keys)
	require.NoError(c.t, s.redis.Del(c.t.Context(), keys...).Err())
}

// leave takes the dependency away; the channel is closed when it has come back.
func (a away) leave(proxy *redistest.Proxy) <-chan struct{} {
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
func (c *tenant) persist(back <-chan struct{}, body map[string]any, read *stream) *stream {
	c.t.Helper()
	asked := time.Now()
	for refusals := 0; ; refusals++ {
		tried := time.Now()
		s, refused := c.tryToRead(body, read)
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
		pause(c.t, back, time.Duration(after)*time.Second)
	}
}

func (c *tenant) tryToRead(body map[string]any, read *stream) (*stream, response) {
	c.t.Helper()
	if read == nil {
		return tryStream(c.t, http.MethodPost, c.base+"/chat/stream", c.PublishableKey, body, 0)
	}
	s, refused := tryStream(c.t, http.MethodGet, resumeURL(c.base, body), c.PublishableKey, nil, read.lastID)
	if s != nil {
		s.text, s.sources = read.text, read.sources
	}
	return s, refused
}

// wholeText is the answer as it is without any disturbance.
func wholeText(models *fakemodel.Server, shop *tenant) string {
	shop.t.Helper()
	knobs := models.Knobs()
	knobs.Gap = 0
	require.NoError(shop.t, models.Set(knobs))
	return shop.stream(shop.chatBody(whenIsTea)).finish().text
}
