// Command chatconnect is the production binary: API, worker, or both.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/chatconnect/chatconnect/cmd/chatconnect/app"
	"github.com/chatconnect/chatconnect/internal/config"
	"github.com/chatconnect/chatconnect/internal/document"
	"github.com/chatconnect/chatconnect/internal/redisconn"
	"github.com/chatconnect/chatconnect/internal/telemetry"
	"github.com/chatconnect/chatconnect/schema"
)

const usage = `Usage: chatconnect <command>

  serve         API and worker in one process; migrates the database first
  api           API only
  worker        worker only
  migrate       bring the database schema up to date
  config check  print the effective settings, secrets masked
  health        exit 0 if the API on this machine is ready (for container checks)
  version       print the version

Settings are environment variables; "chatconnect config check" lists them.
`

func main() {
	document.RunChildIfAsked() // the parser's sandbox re-executes this binary
	// The first signal stops gracefully, the second at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() { <-ctx.Done(); stop() }()
	if err := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "chatconnect:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	command := ""
	if len(args) > 0 {
		command = args[0]
	}
	if len(args) > 1 && !(command == "config" && len(args) == 2 && args[1] == "check") {
		return fmt.Errorf("unexpected argument %q\n\n%s", args[1], usage)
	}
	switch command {
	case "version":
		fmt.Fprintln(stdout, app.Version())
		return nil
	case "help", "-h", "--help":
		fmt.Fprint(stdout, usage)
		return nil
	case "serve", "api", "worker", "migrate", "config", "health":
	default:
		return fmt.Errorf("say what to do\n\n%s", usage)
	}

	settings, err := config.Load(environ)
	if err != nil {
		return err
	}
	switch command {
	case "config":
		return checkConfig(settings, stdout)
	case "health":
		return checkHealth(ctx, settings)
	case "migrate":
		if err := settings.RequireDatabase(); err != nil {
			return err
		}
		return schema.Migrate(ctx, string(settings.DatabaseURL))
	}

	roles := map[string]app.Roles{
		"serve": {API: true, Worker: true}, "api": {API: true}, "worker": {Worker: true},
	}[command]
	logger := telemetry.NewLogger(stderr, settings.LogLevel)
	redisconn.LogTo(logger)
	options := app.Options{Roles: roles, Migrate: command == "serve", Logger: logger}
	a, err := app.New(ctx, settings, options)
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

// checkConfig prints the settings and what is missing for `serve`.
func checkConfig(settings config.Config, stdout io.Writer) error {
	if err := settings.Print(stdout); err != nil {
		return err
	}
	return settings.RequireAPI()
}
