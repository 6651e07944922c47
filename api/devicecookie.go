package api

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/gin-gonic/gin"
)

const (
	deviceCookie = "cc_device"
	// deviceAge is how long a device is remembered after its last login.
	deviceAge = 365 * 24 * 60 * 60 // seconds

	// deviceLabel sets this key apart from all others that are derived from
	// SESSION_SECRET. Another secret forgets all devices.
	deviceLabel = "chatconnect device cookie v1"
	deviceBytes = 16
)

// deviceCookies tell the devices that have logged in to an account from all
// others (OWASP, "Slow Down Online Guessing Attacks with Device Cookies"). A
// cookie opens nothing: its failures are only counted apart from strangers'.
type deviceCookies struct{ key []byte }

func newDeviceCookies(secret []byte) (deviceCookies, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, deviceLabel, sha256.Size)
	return deviceCookies{key: key}, err
}

// issue returns a value that only this account accepts.
func (d deviceCookies) issue(email string) string {
	id := make([]byte, deviceBytes)
	_, _ = rand.Read(id) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(id) + "." + base64.RawURLEncoding.EncodeToString(d.mac(id, email))
}

// device returns the id in a value that was issued for the account.
func (d deviceCookies) device(value, email string) (id string, ok bool) {
	id, signature, _ := strings.Cut(value, ".")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(id)
	if err != nil || len(raw) != deviceBytes {
		return "", false
	}
	mac, err := base64.RawURLEncoding.Strict().DecodeString(signature)
	return id, err == nil && hmac.Equal(mac, d.mac(raw, email))
}

func (d deviceCookies) mac(id []byte, email string) []byte {
	mac := hmac.New(sha256.New, d.key)
	mac.Write(id) // of fixed length
	mac.Write([]byte(email))
	return mac.Sum(nil)
}

// knownDevice returns the device's id if it has logged in to the account before.
func (s *Server) knownDevice(c *gin.Context, email string) (id string, known bool) {
	value, err := c.Cookie(s.cookieName(deviceCookie))
	if err != nil {
		return "", false
	}
	return s.devices.device(value, email)
}

// rememberDevice keeps a known device's cookie for longer, or makes one.
func (s *Server) rememberDevice(c *gin.Context, email string) {
	value, _ := c.Cookie(s.cookieName(deviceCookie))
	if _, known := s.devices.device(value, email); !known {
		value = s.devices.issue(email)
	}
	s.setCookie(c, deviceCookie, value, deviceAge)
}
