package main

import (
	"net/http"
	"net/netip"
	"sync/atomic"
)

// The API takes the bench for the proxy in front of it, which tells it the
// visitors' addresses: a key's limit is shared by many, one address gets a
// fifth of it.
const trustedBench = "TRUSTED_PROXIES=127.0.0.1,::1"

// newBrowsers keeps the connections of many visitors. Each request comes from
// an address of its own.
func newBrowsers() *http.Client {
	return &http.Client{Transport: &visitors{through: &http.Transport{MaxIdleConnsPerHost: 1000}}}
}

type visitors struct {
	through http.RoundTripper
	count   atomic.Uint32
}

// RoundTrip implements http.RoundTripper.
func (v *visitors) RoundTrip(request *http.Request) (*http.Response, error) {
	n := v.count.Add(1)
	address := netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
	request = request.Clone(request.Context()) // a RoundTripper must not change the caller's
	request.Header.Set("X-Forwarded-For", address.String())
	return v.through.RoundTrip(request)
}
