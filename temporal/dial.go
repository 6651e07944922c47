package temporal

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
)

// DialOptions say where Temporal is.
type DialOptions struct {
	Address   string // host:port
	Namespace string
	APIKey    string // implies TLS
	TLS       bool
	CodecKeys string // see NewDataConverter and NewFailureConverter
	Logger    *slog.Logger
	Meter     metric.Meter // nil: no SDK metrics
}

// Dial returns a client that connects when first used, so that a process can
// start, and say that it is not ready, while Temporal is away.
func Dial(options DialOptions) (client.Client, error) {
	data, err := NewDataConverter(options.CodecKeys)
	if err != nil {
		return nil, err
	}
	failures, err := NewFailureConverter(options.CodecKeys)
	if err != nil {
		return nil, err
	}
	tracing, err := opentelemetry.NewTracingInterceptor(opentelemetry.TracerOptions{})
	if err != nil {
		return nil, fmt.Errorf("trace Temporal calls: %w", err)
	}
	o := client.Options{
		HostPort:         options.Address,
		Namespace:        options.Namespace,
		Logger:           log.NewStructuredLogger(options.Logger),
		DataConverter:    data,
		FailureConverter: failures,
		Interceptors:     []interceptor.ClientInterceptor{tracing},
		ConnectionOptions: client.ConnectionOptions{
			GetSystemInfoTimeout: 5 * time.Second,
		},
	}
	if options.Meter != nil {
		o.MetricsHandler = opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{Meter: options.Meter})
	}
	if options.APIKey != "" {
		o.Credentials = client.NewAPIKeyStaticCredentials(options.APIKey)
	}
	if options.APIKey != "" || options.TLS {
		o.ConnectionOptions.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return client.NewLazyClient(o)
}
