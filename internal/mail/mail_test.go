package mail

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/mailtest"
)

func startServer(t *testing.T, starttls, implicit bool) (*mailtest.Server, *tls.Config) {
	t.Helper()
	certificate, trust := newCertificate(t)
	served := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	var options mailtest.Options
	if starttls {
		options.STARTTLS = served
	}
	if implicit {
		options.TLS = served
	}
	return mailtest.Start(t, options), trust
}

func newCertificate(t *testing.T) (tls.Certificate, *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, &tls.Config{RootCAs: roots, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}
}

var message = chatconnect.VerificationMail("42", "ada@example.com", "https://chat.example.com/#verification=abc&email=ada%40example.com")

func TestSend(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		starttls, implicit bool
		scheme, query      string
	}{
		"STARTTLS":     {starttls: true, scheme: "smtp"},
		"TLS":          {implicit: true, scheme: "smtps"},
		"explicit off": {scheme: "smtp", query: "&starttls=off"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, trust := startServer(t, test.starttls, test.implicit)
			user := mailtest.Username + ":" + url.QueryEscape(mailtest.Password) + "@"
			if test.query != "" {
				user = "" // a password is never sent in the open
			}
			m, err := newMailer(test.scheme+"://"+user+s.Address+"?from=Chat+<chat@example.org>"+test.query, trust)
			require.NoError(t, err)
			require.NoError(t, m.Send(t.Context(), message))
			require.NoError(t, m.Send(t.Context(), message))
			mails := s.Mails()
			require.Len(t, mails, 2)
			header := mails[0].Header
			require.Equal(t, "Confirm your email address", header.Get("Subject"))
			require.Equal(t, "<ada@example.com>", header.Get("To"))
			require.Equal(t, `"Chat" <chat@example.org>`, header.Get("From"))
			require.Equal(t, "chat@example.org", mails[0].From)
			require.Equal(t, "<42@example.org>", header.Get("Message-Id"))
			require.Equal(t, header.Get("Message-Id"), mails[1].Header.Get("Message-Id"), "sent again it is the same")
			require.Contains(t, header.Get("Content-Type"), "text/plain")
			require.Contains(t, mails[0].Text, "chat.example.com/#verification=abc&email")
		})
	}
}

// Without STARTTLS nothing is sent, unless the operator says so.
func TestSTARTTLSIsRequired(t *testing.T) {
	t.Parallel()
	s, trust := startServer(t, false, false)
	m, err := newMailer("smtp://"+s.Address+"?from=chat@example.org", trust)
	require.NoError(t, err)
	require.Error(t, m.Send(t.Context(), message))
	require.Empty(t, s.Mails())
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s, _ := startServer(t, false, false)
	m, err := New("smtp://" + s.Address + "?from=chat@example.org&starttls=off")
	require.NoError(t, err)
	s.Refuse(&smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"})
	require.Equal(t, chatconnect.KindInvalid, chatconnect.AsError(m.Send(t.Context(), message)).Kind, "for good")
	s.Refuse(&smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "later"})
	require.Equal(t, chatconnect.KindUnavailable, chatconnect.AsError(m.Send(t.Context(), message)).Kind, "it may pass")
	gone, err := New("smtp://127.0.0.1:1?from=chat@example.org")
	require.NoError(t, err)
	require.Equal(t, chatconnect.KindUnavailable, chatconnect.AsError(gone.Send(t.Context(), message)).Kind)
}

func TestHeadersCantBeInjected(t *testing.T) {
	t.Parallel()
	s, _ := startServer(t, false, false)
	m, err := New("smtp://" + s.Address + "?from=chat@example.org&starttls=off")
	require.NoError(t, err)
	hostile := message
	hostile.To = "ada@example.com\r\nBcc: eve@example.com"
	require.Error(t, m.Send(t.Context(), hostile))
	hostile = message
	hostile.Subject = "Hello\r\nBcc: eve@example.com\r\n\r\nbody"
	if err := m.Send(t.Context(), hostile); err == nil {
		require.Empty(t, s.Mails()[0].Header.Get("Bcc"))
		require.NotContains(t, s.Mails()[0].Header, "Body")
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "mail.example.com", "http://x?from=a@b.example", "smtps://user:hunter2@host", "smtps://user:hunter2@host?from=x", "smtp://host?from=a@b.example&starttls=maybe", "smtps://user:hunter2@host:x?from=a@b.example"} {
		_, err := New(address)
		require.Error(t, err, address)
		require.NotContains(t, err.Error(), "hunter2")
	}
}
