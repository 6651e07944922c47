package httphost_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/internal/httphost"
)

func TestLocal(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "localhost:5000": true, "LOCALHOST.:5000": true, "shop.localhost:5000": true,
		"127.0.0.1:5000": true, "127.0.0.1": true, "[::1]:5000": true, "[::1]": true, "192.168.1.7:5000": true,
		"evil.example": false, "evil.example:5000": false, "localhost.evil.example:5000": false,
		"127.0.0.1.evil.example": false, "notlocalhost": false, "": false, ":5000": false,
	} {
		require.Equal(t, want, httphost.Local(host), "%q", host)
	}
}

func TestSame(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		host, address string
		want          bool
	}{
		{"chat.example.com", "https://chat.example.com", true},
		{"Chat.Example.com:443", "https://chat.example.com", true},
		{"chat.example.com", "https://chat.example.com:443/", true},
		{"localhost:8080", "http://localhost:8080", true},
		{"[2001:db8::1]:8080", "http://[2001:db8::1]:8080", true},
		{"chat.example.com:80", "https://chat.example.com", false},
		{"chat.example.com:8443", "https://chat.example.com", false},
		{"localhost", "http://localhost:8080", false},
		{"evil.example", "https://chat.example.com", false},
		{"chat.example.com.evil.example", "https://chat.example.com", false},
		{"", "https://chat.example.com", false},
	} {
		address, err := url.Parse(c.address)
		require.NoError(t, err)
		require.Equal(t, c.want, httphost.Same(c.host, address), "%+v", c)
	}
}
