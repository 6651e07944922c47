// Package httphost judges Host headers. A page that rebinds its own DNS name to
// our address (DNS rebinding) is of the same origin as we are to a browser; only
// the Host header gives it away. The package imports nothing of ours.
package httphost

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// Local reports whether host ("name", "name:port" or "[address]:port") is
// localhost, a name below it or an IP address: no DNS answer decides where
// these lead.
func Local(host string) bool {
	name, _ := split(host)
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	_, err := netip.ParseAddr(name)
	return err == nil
}

// Same reports whether host is that of the address: the same name, and the
// same port, where a missing one is the scheme's.
func Same(host string, address *url.URL) bool {
	name, port := split(host)
	wantName, wantPort := split(address.Host)
	standard := map[string]string{"http": "80", "https": "443"}[address.Scheme]
	if port == "" {
		port = standard
	}
	if wantPort == "" {
		wantPort = standard
	}
	return name != "" && name == wantName && port == wantPort
}

// split returns the name in lower case, without brackets and the root's dot,
// and the port, if there is one.
func split(host string) (name, port string) {
	name = host
	if n, p, err := net.SplitHostPort(host); err == nil {
		name, port = n, p
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	return strings.TrimSuffix(strings.ToLower(name), "."), port
}

// LocalOnly answers 421 unless a request is for a Local host: for servers that
// listen on loopback and ask nobody who they are.
func LocalOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !Local(r.Host) {
			http.Error(w, "This server answers only as localhost or by its IP address.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}
