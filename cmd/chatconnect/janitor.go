package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"text/tabwriter"

	"github.com/chatconnect/chatconnect/internal/config"
	"github.com/chatconnect/chatconnect/temporal"
)

// runJanitor has a worker look for what belongs to nothing, now, and prints what
// it found. Interrupting it leaves the run to the worker.
func runJanitor(ctx context.Context, settings config.Config, dryRun bool, logger *slog.Logger, stdout io.Writer) error {
	if settings.TemporalAddress == "" {
		return errors.New("TEMPORAL_ADDRESS must be set")
	}
	c, err := temporal.Dial(temporal.DialOptions{
		Address: settings.TemporalAddress, Namespace: settings.TemporalNamespace,
		APIKey: string(settings.TemporalAPIKey), TLS: settings.TemporalTLS,
		CodecKeys: string(settings.TemporalCodecKey), Logger: logger,
	})
	if err != nil {
		return err
	}
	defer c.Close()
	start := temporal.TriggerJanitor
	if dryRun {
		start = temporal.StartJanitorDryRun
	}
	workflowID, runID, err := start(ctx, c)
	if err != nil {
		return err
	}
	result, err := temporal.JanitorOutcome(ctx, c, workflowID, runID)
	if err != nil {
		return fmt.Errorf("%s: %w", workflowID, err)
	}
	return printJanitor(stdout, result)
}

func printJanitor(w io.Writer, result *temporal.JanitorResult) error {
	fmt.Fprintf(w, "Looked at %d files, %d points, %d active revisions and %d documents under way.\n",
		result.Blobs, result.Points, result.Revisions, result.Documents)
	if result.DryRun {
		fmt.Fprintln(w, "This was a dry run: nothing was changed.")
	}
	if len(result.Findings) == 0 {
		fmt.Fprintln(w, "Nothing found.")
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, f := range result.Findings {
		fmt.Fprintf(table, "%s\t%s\t%d\n", f.Kind, f.Action, f.Count)
	}
	return table.Flush()
}
