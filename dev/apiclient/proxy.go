package apiclient

import (
	"fmt"
	"net/http"
	"net/url"
)

// proxy sends requests for the public address of an installation to where it
// listens, as its reverse proxy does: with the Host that people use.
type proxy struct{ upstream *url.URL }

// newProxy reaches the API at address, "http://host:port".
func newProxy(address string) (*proxy, error) {
	upstream, err := url.Parse(address)
	if err != nil || upstream.Host == "" {
		return nil, fmt.Errorf("%q is no address of an API", address)
	}
	return &proxy{upstream}, nil
}

// RoundTrip implements http.RoundTripper.
func (p *proxy) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Host = r.URL.Host
	r.URL.Scheme, r.URL.Host = p.upstream.Scheme, p.upstream.Host
	return http.DefaultTransport.RoundTrip(r)
}
