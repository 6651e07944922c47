package api

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	chatconnect "github.com/chatconnect/chatconnect"
)

// maxDomain is the longest allowed-domain entry, bytes as typed.
const maxDomain = 255

// normalizeDomain brings an allowed-domain entry into the form it is compared
// in: a lower-case ASCII host, optionally after "*." and before ":port". A
// pasted origin loses its scheme.
//
// "example.com" means that host on any port, "example.com:8443" that port
// alone, "*.example.com" every host below it at any depth but not itself.
func normalizeDomain(entry string) (string, error) {
	invalid := chatconnect.Errorf(chatconnect.KindInvalid, "domain_invalid", "%q is not a domain such as example.com, *.example.com or localhost:3000.", truncate(entry, 80))
	rest := strings.TrimSpace(entry)
	if len(rest) > maxDomain {
		return "", invalid
	}
	for _, scheme := range []string{"https://", "http://"} {
		if len(rest) >= len(scheme) && strings.EqualFold(rest[:len(scheme)], scheme) {
			rest = strings.TrimSuffix(rest[len(scheme):], "/")
			break
		}
	}
	rest, wildcard := strings.CutPrefix(rest, "*.")
	host, port, ok := splitHostPort(rest)
	if !ok {
		return "", invalid
	}
	host, ok = normalizeHost(host)
	if !ok {
		return "", invalid
	}
	if wildcard {
		if _, err := netip.ParseAddr(host); err == nil {
			return "", invalid
		}
		// *.com or *.github.io would let strangers in.
		if suffix, icann := publicsuffix.PublicSuffix(host); suffix == host && (icann || strings.Contains(host, ".")) {
			return "", chatconnect.Errorf(chatconnect.KindInvalid, "domain_invalid", "%q would allow the domains of strangers.", truncate(entry, 80))
		}
		host = "*." + host
	}
	if port == "" {
		return host, nil
	}
	return host + ":" + port, nil
}

// originAllowed reports whether a page of that Origin may use a publishable
// key. No entries allow everybody; with entries, a missing or opaque ("null")
// origin is refused.
func originAllowed(origin string, allowed []string) bool {
	if len(allowed) == 0 {
		return true
	}
	host, port, ok := parseOrigin(origin)
	if !ok {
		return false
	}
	for _, entry := range allowed {
		// What is stored is normalised already; doing it again costs little
		// and keeps entries of other writers working.
		entry, err := normalizeDomain(entry)
		if err != nil {
			continue
		}
		entry, wildcard := strings.CutPrefix(entry, "*.")
		wantHost, wantPort, ok := splitHostPort(entry)
		if !ok || (wantPort != "" && wantPort != port) {
			continue
		}
		wantHost = strings.Trim(wantHost, "[]")
		if host == wantHost && !wildcard || wildcard && strings.HasSuffix(host, "."+wantHost) {
			return true
		}
	}
	return false
}

// ownPage reports whether a page of this installation asks. Browsers say so in
// Sec-Fetch-Site, which no page can change, and send no Origin along with a
// GET; over plain HTTP they say nothing, and Origin must do. Programs can claim
// anything, here as there: allowed domains bind browsers.
func ownPage(r *http.Request, origin string) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin"
	}
	return origin == "http://"+r.Host || origin == "https://"+r.Host
}

// parseOrigin returns an http(s) origin's normalised host and its port, the
// scheme's own if none is written.
func parseOrigin(origin string) (host, port string, ok bool) {
	u, err := url.Parse(origin)
	if err != nil || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
		return "", "", false
	}
	switch strings.ToLower(u.Scheme) {
	case "http":
		port = "80"
	case "https":
		port = "443"
	default:
		return "", "", false
	}
	if p := u.Port(); p != "" {
		port = p
	}
	host, ok = normalizeHost(u.Hostname())
	return strings.Trim(host, "[]"), port, ok
}

// normalizeHost returns the lower-case ASCII form of a name or address; IPv6
// addresses come in brackets.
func normalizeHost(host string) (string, bool) {
	if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		if ip.Is6() {
			return "[" + ip.WithZone("").String() + "]", true
		}
		return ip.String(), true
	}
	ascii, err := idna.Lookup.ToASCII(strings.TrimSuffix(host, "."))
	if err != nil || ascii == "" || len(ascii) > 253 || strings.ContainsAny(ascii, "*/@?#:[] ") {
		return "", false
	}
	for label := range strings.SplitSeq(ascii, ".") {
		if label == "" || len(label) > 63 {
			return "", false
		}
	}
	return strings.ToLower(ascii), true
}

// splitHostPort is net.SplitHostPort that accepts a missing port.
func splitHostPort(s string) (host, port string, ok bool) {
	if s == "" {
		return "", "", false
	}
	if !strings.Contains(s, ":") || strings.HasSuffix(s, "]") || strings.Count(s, ":") > 1 && !strings.HasPrefix(s, "[") {
		return s, "", true
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil || host == "" {
		return "", "", false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", "", false
	}
	return host, strconv.FormatUint(n, 10), true
}
