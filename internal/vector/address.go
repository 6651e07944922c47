package vector

import (
	"fmt"
	"net/url"
	"strconv"
)

// defaultPort is Qdrant's gRPC port.
const defaultPort = 6334

type address struct {
	host string // IPv6 addresses in brackets, as the client joins host and port with a colon
	port int
	tls  bool
}

// parseURL reads http(s)://host[:port]. The error never repeats the URL, which
// may carry credentials.
func parseURL(raw string) (address, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return address{}, fmt.Errorf("vector: the URL of Qdrant can't be parsed; want http(s)://host:%d", defaultPort)
	}
	a := address{host: u.Hostname(), port: defaultPort, tls: u.Scheme == "https"}
	switch {
	case u.Scheme != "http" && u.Scheme != "https", a.host == "":
		return address{}, fmt.Errorf("vector: the URL of Qdrant must be http(s)://host:%d", defaultPort)
	case u.User != nil:
		return address{}, fmt.Errorf("vector: the URL of Qdrant must not carry credentials; pass the API key on its own")
	case u.Path != "" && u.Path != "/", u.RawQuery != "", u.Fragment != "":
		return address{}, fmt.Errorf("vector: the URL of Qdrant must have no path, query or fragment")
	}
	if p := u.Port(); p != "" {
		if a.port, err = strconv.Atoi(p); err != nil || a.port < 1 || a.port > 65535 {
			return address{}, fmt.Errorf("vector: the URL of Qdrant has an invalid port")
		}
	}
	if len(u.Host) > 0 && u.Host[0] == '[' {
		a.host = "[" + a.host + "]"
	}
	return a, nil
}
