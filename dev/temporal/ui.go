package temporal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	uiapi "github.com/temporalio/ui-server/v2/server/api"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	"github.com/temporalio/ui-server/v2/server/cors"
	"github.com/temporalio/ui-server/v2/server/csrf"
	"github.com/temporalio/ui-server/v2/server/headers"
	"github.com/temporalio/ui-server/v2/server/route"
	uiassets "github.com/temporalio/ui-server/v2/ui"

	"github.com/chatconnect/chatconnect/internal/httphost"
)

// ui is Temporal's web interface. It is put together from the parts of
// ui-server rather than by its NewServer, which ends the process when its port
// is taken and can't listen on a port the system chooses.
type ui struct {
	server *http.Server
	url    string
}

func startUI(listener net.Listener, temporalAddress, namespace string, logger *slog.Logger) (*ui, error) {
	handler, err := uiHandler(temporalAddress, namespace)
	if err != nil {
		return nil, fmt.Errorf("web UI: %w", err)
	}
	u := &ui{
		url: "http://localhost:" + strconv.Itoa(listener.Addr().(*net.TCPAddr).Port),
		server: &http.Server{
			Handler:           httphost.LocalOnly(handler),
			ReadHeaderTimeout: 10 * time.Second,
			ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
		},
	}
	go func() {
		if err := u.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			logger.Error("the web UI has stopped", "error", err)
		}
	}()
	return u, nil
}

// stop closes the UI at once: nothing it does is worth waiting for.
func (u *ui) stop(context.Context) { _ = u.server.Close() }

func uiHandler(temporalAddress, namespace string) (http.Handler, error) {
	config := &uiconfig.Config{
		TemporalGRPCAddress: temporalAddress,
		EnableUI:            true,
		DefaultNamespace:    namespace,
		DisableNewsFetch:    true, // a development machine may be offline, and should not call home
		HideLogs:            true,
		CORS:                uiconfig.CORS{CookieInsecure: true}, // plain http on loopback
	}
	if err := config.Validate(); err != nil {
		return nil, err
	}
	provider, err := uiconfig.NewConfigProviderWithRefresh(config)
	if err != nil {
		return nil, err
	}
	assets, err := uiassets.Assets()
	if err != nil {
		return nil, err
	}
	if assets, err = fs.Sub(assets, "local"); err != nil {
		return nil, err
	}

	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Logger.SetOutput(io.Discard)
	e.Use(
		middleware.Recover(),
		middleware.Gzip(),
		cors.CORSMiddleware(cors.CORSConfig{ConfigProvider: provider}),
		middleware.Secure(),
		csrf.EnsureTokenCookie(false),
		middleware.CSRFWithConfig(csrf.MiddlewareConfig(provider, false)),
	)
	route.SetHealthRoute(e)
	forward := []uiapi.Middleware{headers.WithForwardHeaders([]string{"Caller-Type"})}
	if err := route.SetAPIRoutes(e, provider, forward); err != nil {
		return nil, err
	}
	route.SetRenderRoute(e, "/")
	if err := route.SetUIRoutes(e, "", assets, provider); err != nil {
		return nil, err
	}
	return e, nil
}
