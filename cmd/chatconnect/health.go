package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/chatconnect/chatconnect/internal/config"
)

// checkHealth asks the API on this machine, or the worker through its metrics
// port, whether it can serve.
func checkHealth(ctx context.Context, settings config.Config, worker bool) error {
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
	url := "http://" + net.JoinHostPort(host, port) + "/readyz"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, response.Status)
	}
	return nil
}
