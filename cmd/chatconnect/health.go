package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/config"
)

// maxHealthReport bounds what is read of an answer.
const maxHealthReport = 1 << 20

// checkHealth asks the API on this machine, or the worker through its metrics
// port, whether it can serve, and prints what it says of everything else: the
// API says that only to those with INTERNAL_API_SECRET.
func checkHealth(ctx context.Context, settings config.Config, worker bool, stdout io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	address := net.JoinHostPort(settings.Host, strconv.Itoa(settings.Port))
	if worker {
		address = settings.MetricsAddr
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("METRICS_ADDR %s: %w", address, err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	base := "http://" + net.JoinHostPort(host, port)
	if worker || settings.InternalAPISecret != "" {
		report, err := askHealth(ctx, base+"/health", string(settings.InternalAPISecret), worker)
		if err != nil {
			fmt.Fprintln(stdout, "no report:", err) // whether it can serve is another question
		} else if err := printHealth(stdout, report, time.Now()); err != nil {
			return err
		}
	}
	response, err := get(ctx, base+"/readyz", "")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s/readyz answered %s", base, response.Status)
	}
	return nil
}

func get(ctx context.Context, url, secret string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	if secret != "" {
		request.Header.Set("X-Internal-Secret", secret)
	}
	return http.DefaultClient.Do(request)
}

var errNoReport = errors.New("it is of another release")

func askHealth(ctx context.Context, url, secret string, worker bool) (report chatconnect.HealthReport, err error) {
	if worker {
		secret = "" // its port needs none
	}
	response, err := get(ctx, url, secret)
	if err != nil {
		return report, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusServiceUnavailable {
		return report, fmt.Errorf("%s answered %s", url, response.Status)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxHealthReport)).Decode(&report); err != nil {
		return report, fmt.Errorf("%s: %w", url, err)
	}
	if report.Dependencies == nil {
		return report, errNoReport
	}
	return report, nil
}

// printHealth prints a report as tables.
func printHealth(w io.Writer, report chatconnect.HealthReport, now time.Time) error {
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintf(table, "status %s, version %s\n\nDEPENDENCY\tSTATUS\tLATENCY\n", report.Status, report.Version)
	names := make([]string, 0, len(report.Dependencies))
	for name := range report.Dependencies {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		d := report.Dependencies[name]
		fmt.Fprintf(table, "%s\t%s\t%.1f ms\n", name, d.Status, d.LatencyMS)
	}
	fmt.Fprint(table, "\nQUEUE\tSTATUS\tWAITING\tOLDEST\tWORKERS\tLAST POLL\n")
	for _, q := range report.Queues {
		if q.Status == chatconnect.QueueUnknown {
			fmt.Fprintf(table, "%s\t%s\t-\t-\t-\t-\n", q.Name, q.Status)
			continue
		}
		lastPoll := "-"
		if q.LastPollAt != nil {
			lastPoll = ago(now, *q.LastPollAt)
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%d\t%s\n", q.Name, q.Status, q.Backlog, seconds(q.OldestTaskSeconds), q.Pollers, lastPoll)
	}
	fmt.Fprint(table, "\nWORKER\tQUEUES\tLAST SEEN\n")
	for _, worker := range report.Workers {
		fmt.Fprintf(table, "%s\t%s\t%s\n", worker.Identity, strings.Join(worker.Queues, ", "), ago(now, worker.LastSeenAt))
	}
	if len(report.Workers) == 0 {
		fmt.Fprintln(table, "none has been seen in the last minutes")
	}
	if report.Notice != "" {
		fmt.Fprintf(table, "\n%s\n", report.Notice)
	}
	return table.Flush()
}

func ago(now, then time.Time) string { return seconds(max(0, now.Sub(then).Seconds())) + " ago" }

func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}
