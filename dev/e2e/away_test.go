package e2e

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/bench/fakemodel"
	"github.com/chatconnect/chatconnect/cmd/chatconnect/app"
	"github.com/chatconnect/chatconnect/dev/stack/stacktest"
	"github.com/chatconnect/chatconnect/internal/redistest"
	"github.com/chatconnect/chatconnect/temporal"
)

// awayFor is how long a dependency is away: longer than the heartbeat timeout
// of an activity.
const awayFor = 10 * time.Second

// away is a dependency and the way it goes.
type away struct {
	setting string // that names it
	mute    bool   // its connections stay and nothing comes: a host that vanished, not a process that died
}

func (a away) String() string {
	if a.mute {
		return a.setting + " mute"
	}
	return a.setting + " gone"
}

// TestDependencyAwayWhileIngesting takes each dependency from the worker in the
// middle of a document. Once it is back the document becomes ready, with the
// same worker, and all stores hold what they do without.
func TestDependencyAwayWhileIngesting(t *testing.T) {
	t.Parallel()
	document := manual(t, chatconnect.TypeTXT)
	undisturbed := newKillShard(t).run(t, document, "")
	var cases []away
	for _, setting := range []string{"DATABASE_URL", "QDRANT_URL", "REDIS_URL", "TEMPORAL_ADDRESS"} {
		cases = append(cases, away{setting, false}, away{setting, true})
	}
	atOnce(t, cases, func(t *testing.T, a away) {
		models, settings := startModels(t, fakemodel.Knobs{EmbedLatency: fakemodel.Duration(500 * time.Millisecond)})
		settings = append(settings, "EMBEDDING_CONCURRENCY=1")
		environ := append(stacktest.Environ(t), settings...)
		api := startRoles(t, app.Roles{API: true}, environ)
		proxy, proxied := throughProxy(t, environ, a.setting)
		startRoles(t, app.Roles{Worker: true}, proxied)
		shop := newTenant(t, api.URL(), chatconnect.TierFree)

		// The provider has the second batch of three when the dependency goes, and
		// answers after that.
		second, went := make(chan struct{}), make(chan struct{})
		goes := sync.OnceFunc(func() { close(went) })
		t.Cleanup(goes)
		var asked atomic.Int32
		defer models.OnRequest(func(fakemodel.Request) {
			if asked.Add(1) == 2 {
				close(second)
				<-went
			}
		})()
		uploaded := shop.upload(document)[0]
		wait(t, second)
		if a.mute {
			proxy.Pause()
		} else {
			proxy.Down()
		}
		goes()
		time.Sleep(awayFor) // what is shown is that it may take its time
		if a.setting != "REDIS_URL" {
			require.False(t, shop.document(uploaded.ID).Status.Final(), "it is needed")
		}
		if a.mute {
			proxy.Resume()
		} else {
			proxy.Up()
		}
		back := time.Now()
		ready := shop.settle(uploaded)[0]
		t.Logf("ready %v after it is back", time.Since(back).Round(10*time.Millisecond))
		require.Equal(t, chatconnect.StatusReady, ready.Status, "%+v", ready.Error)
		stores := api.storage(t)
		history := api.history(t, temporal.IngestionWorkflowID(shop.ID, chatconnect.Revision{DocumentID: uploaded.ID, Version: 1}))
		require.Equal(t, undisturbed.finalState, stores.finalState(uploaded))
		require.LessOrEqual(t, len(models.Requests()), undisturbed.calls+failedBatches(history), "only a batch that failed is embedded again")
	})
}

// throughProxy puts a proxy before the server that a setting names, and
// returns the settings that lead there.
func throughProxy(t *testing.T, environ []string, setting string) (*redistest.Proxy, []string) {
	t.Helper()
	var value string
	for _, pair := range environ {
		if v, ok := strings.CutPrefix(pair, setting+"="); ok {
			value = v
		}
	}
	require.NotEmpty(t, value, setting)
	var proxy *redistest.Proxy
	switch setting {
	case "TEMPORAL_ADDRESS":
		proxy = redistest.Before(t, "tcp", value)
		value = proxy.Addr()
	case "DATABASE_URL":
		c, err := pgx.ParseConfig(value)
		require.NoError(t, err)
		network, address := "tcp", net.JoinHostPort(c.Host, fmt.Sprint(c.Port))
		if strings.HasPrefix(c.Host, "/") {
			network, address = "unix", fmt.Sprintf("%s/.s.PGSQL.%d", c.Host, c.Port)
		}
		proxy = redistest.Before(t, network, address)
		value = (&url.URL{
			Scheme: "postgres", User: url.UserPassword(c.User, c.Password), Host: proxy.Addr(),
			Path: "/" + c.Database, RawQuery: "sslmode=disable",
		}).String()
	default:
		u, err := url.Parse(value)
		require.NoError(t, err)
		proxy = redistest.Before(t, "tcp", u.Host)
		u.Host = proxy.Addr()
		value = u.String()
	}
	return proxy, append(append([]string{}, environ...), setting+"="+value)
}
