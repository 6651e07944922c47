// Command fakemodel runs the fake model server.
//
//	go run ./bench/fakemodel/cmd/fakemodel -listen 127.0.0.1:9090 -ttft 200ms -gap 20ms
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/chatconnect/chatconnect/bench/fakemodel"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "fakemodel:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("fakemodel", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:9090", "address to listen on")
	ttft := flags.Duration("ttft", 0, "time to the first token")
	gap := flags.Duration("gap", 0, "time between two tokens")
	embedLatency := flags.Duration("embed-latency", 0, "time of an embeddings request")
	tokens := flags.Int("tokens", 0, "length of a reply; 0: as long as its text")
	mode := flags.String("mode", fakemodel.ModeContext, `"context" (quote the prompt's passages) or "fixed"`)
	text := flags.String("text", "This is a fixed reply.", "reply of -mode fixed")
	minCache := flags.Int("min-cache-tokens", 0, "shortest cached prefix; 0: 1024")
	key := flags.String("api-key", "", "if set, any other key gets 401")
	faults := flags.String("faults", "", `JSON list, as in POST /knobs: [{"kind":"rate_limit","count":3,"retryAfter":"1s"}]`)
	capture := flags.Int("capture", 1000, "how many of the newest requests to keep for GET /requests")
	if err := flags.Parse(args); err != nil {
		return err
	}
	knobs := fakemodel.Knobs{
		TTFT: fakemodel.Duration(*ttft), Gap: fakemodel.Duration(*gap), EmbedLatency: fakemodel.Duration(*embedLatency),
		Tokens: *tokens, Mode: *mode, Text: *text, MinCacheTokens: *minCache, APIKey: *key,
	}
	if *faults != "" {
		if err := json.Unmarshal([]byte(*faults), &knobs.Faults); err != nil {
			return fmt.Errorf("-faults: %w", err)
		}
	}
	srv := fakemodel.New(fakemodel.WithCapture(*capture))
	defer srv.Close()
	if err := srv.Set(knobs); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", *listen)
	if err != nil {
		return err
	}
	fmt.Printf("OPENAI_BASE_URL=http://%[1]s/v1 ANTHROPIC_BASE_URL=http://%[1]s\n", listener.Addr())
	web := &http.Server{Handler: srv, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- web.Serve(listener) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	srv.Close()
	shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	return web.Shutdown(shutdown)
}
