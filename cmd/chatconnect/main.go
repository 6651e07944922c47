// Command chatconnect is the production binary: API, worker, or both.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/chatconnect/chatconnect/cmd/chatconnect/app"
	"github.com/chatconnect/chatconnect/internal/config"
	"github.com/chatconnect/chatconnect/internal/document"
	"github.com/chatconnect/chatconnect/internal/redisconn"
	"github.com/chatconnect/chatconnect/internal/telemetry"
	"github.com/chatconnect/chatconnect/internal/vector"
)

const usage = `Usage: chatconnect <command>

  serve         API and worker in one process; migrates the database first
  api           API only
  worker        worker only
  migrate       bring the database schema up to date
  janitor       look for files and points that belong to nothing now, and print
                what was found; with --dry-run nothing is changed
  reindex       build the search index anew with the embedding model that is
                set up, or mend it; follows the one that runs
  reindex status, reindex cancel
  client list   print all clients with their tier, ceiling and use of tokens
  client show ID
  client set-tier ID free|paid
  client set-ceiling ID TOKENS|none|default
                change what only the operator may: the tier, and the tokens a
                month that the client may use
  user create   [--name NAME] [--password-stdin] EMAIL: make an account; without
                --password-stdin a password is made and printed
  user invite   EMAIL: print the link of an invitation, and mail it if SMTP_URL
                is set
  config check  print the effective settings, secrets masked
  health        exit 0 if the API on this machine is ready (for container checks);
                with INTERNAL_API_SECRET it also prints dependencies and queues
  health worker the same for a worker, which answers on METRICS_ADDR
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
	if len(args) > 0 && args[0] == "user" {
		settings, err := config.Load(environ)
		if err != nil {
			return err
		}
		return runUser(ctx, args[1:], settings, os.Stdin, stdout)
	}
	command := strings.Join(args, " ")
	if len(args) > 0 && args[0] == "client" {
		return runClient(ctx, args[1:], environ, stdout)
	}
	switch command {
	case "version":
		fmt.Fprintln(stdout, app.Version())
		return nil
	case "help", "-h", "--help":
		fmt.Fprint(stdout, usage)
		return nil
	case "serve", "api", "worker", "migrate", "janitor", "janitor --dry-run", "config check", "health", "health worker",
		"reindex", "reindex status", "reindex cancel":
	default:
		return fmt.Errorf("%q is not a command\n\n%s", command, usage)
	}

	settings, err := config.Load(environ)
	if err != nil {
		return err
	}
	switch command {
	case "config check":
		return checkConfig(ctx, settings, stdout)
	case "health", "health worker":
		return checkHealth(ctx, settings, command == "health worker", stdout)
	case "reindex", "reindex status", "reindex cancel":
		return runReindex(ctx, strings.TrimPrefix(strings.TrimPrefix(command, "reindex"), " "), settings, stdout, stderr)
	case "migrate":
		if err := settings.RequireDatabase(); err != nil {
			return err
		}
		return app.Migrate(ctx, settings)
	}

	logger := telemetry.NewLogger(stderr, settings.LogLevel)
	if command == "janitor" || command == "janitor --dry-run" {
		return runJanitor(ctx, settings, command == "janitor --dry-run", logger, stdout)
	}

	roles := map[string]app.Roles{
		"serve": {API: true, Worker: true}, "api": {API: true}, "worker": {Worker: true},
	}[command]
	redisconn.LogTo(logger)
	options := app.Options{Roles: roles, Migrate: command == "serve", Logger: logger}
	a, err := app.New(ctx, settings, options)
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

// checkConfig prints the settings, how well this machine confines what it
// runs, and what is missing or wrong for `serve`.
func checkConfig(ctx context.Context, settings config.Config, stdout io.Writer) error {
	if err := settings.Print(stdout); err != nil {
		return err
	}
	fmt.Fprintln(stdout)
	parser := document.NewParser(document.Options{Logger: slog.New(slog.DiscardHandler)})
	if level, err := parser.Confinement(ctx); err != nil {
		fmt.Fprintf(stdout, "WARNING: parser sandbox: no child could be started: %v\n", err)
	} else {
		fmt.Fprintf(stdout, "parser sandbox: %s\n", level)
	}
	if settings.DatabaseURL != "" {
		fmt.Fprintln(stdout, app.DescribeLogin(ctx, settings))
	}
	err := settings.RequireAPI()
	if settings.QdrantURL != "" {
		err = errors.Join(err, vector.CheckProtocol(ctx, settings.QdrantURL))
	}
	return err
}
