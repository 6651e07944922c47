package mail

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	netmail "net/mail"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
)

// server is a real SMTP server that keeps what it gets.
type server struct {
	address string
	trust   *tls.Config // of its certificate

	mu     sync.Mutex
	mails  []*netmail.Message
	bodies []string
	from   []string
	refuse error
}

func (s *server) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{server: s}, nil }

type session struct {
	server *server
	from   string
	authed bool
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != "chat" || password != "s3cr/t" {
			return errors.New("wrong password")
		}
		s.authed = true
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error { s.from = from; return nil }
func (s *session) Rcpt(string, *smtp.RcptOptions) error        { return s.server.refuse }
func (s *session) Reset()                                      {}
func (s *session) Logout() error                               { return nil }

func (s *session) Data(r io.Reader) error {
	message, err := netmail.ReadMessage(r)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(message.Body)
	if err != nil {
		return err
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.mails = append(s.server.mails, message)
	s.server.bodies = append(s.server.bodies, string(body))
	s.server.from = append(s.server.from, s.from)
	return nil
}

func startServer(t *testing.T, starttls, implicit bool) *server {
	t.Helper()
	s := &server{}
	backend := smtp.NewServer(s)
	backend.Domain = "localhost"
	certificate, trust := newCertificate(t)
	s.trust = trust
	served := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.address = listener.Addr().String()
	if starttls {
		backend.TLSConfig = served
	}
	if implicit {
		listener = tls.NewListener(listener, served)
	}
	go func() { _ = backend.Serve(listener) }()
	t.Cleanup(func() { _ = backend.Close() })
	return s
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
			s := startServer(t, test.starttls, test.implicit)
			user := "chat:s3cr%2Ft@"
			if test.query != "" {
				user = "" // a password is never sent in the open
			}
			m, err := newMailer(test.scheme+"://"+user+s.address+"?from=Chat+<chat@example.org>"+test.query, s.trust)
			require.NoError(t, err)
			require.NoError(t, m.Send(t.Context(), message))
			require.NoError(t, m.Send(t.Context(), message))
			require.Len(t, s.mails, 2)
			header := s.mails[0].Header
			require.Equal(t, "Confirm your email address", header.Get("Subject"))
			require.Equal(t, "<ada@example.com>", header.Get("To"))
			require.Equal(t, `"Chat" <chat@example.org>`, header.Get("From"))
			require.Equal(t, "chat@example.org", s.from[0])
			require.Equal(t, "<42@example.org>", header.Get("Message-Id"))
			require.Equal(t, header.Get("Message-Id"), s.mails[1].Header.Get("Message-Id"), "sent again it is the same")
			require.Contains(t, header.Get("Content-Type"), "text/plain")
			require.Contains(t, s.bodies[0], "chat.example.com/#verification=3Dabc&email")
		})
	}
}

// Without STARTTLS nothing is sent, unless the operator says so.
func TestSTARTTLSIsRequired(t *testing.T) {
	t.Parallel()
	s := startServer(t, false, false)
	m, err := newMailer("smtp://"+s.address+"?from=chat@example.org", s.trust)
	require.NoError(t, err)
	require.Error(t, m.Send(t.Context(), message))
	require.Empty(t, s.mails)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := startServer(t, false, false)
	m, err := New("smtp://" + s.address + "?from=chat@example.org&starttls=off")
	require.NoError(t, err)
	s.refuse = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	require.Equal(t, chatconnect.KindInvalid, chatconnect.AsError(m.Send(t.Context(), message)).Kind, "for good")
	s.refuse = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "later"}
	require.Equal(t, chatconnect.KindUnavailable, chatconnect.AsError(m.Send(t.Context(), message)).Kind, "it may pass")
	gone, err := New("smtp://127.0.0.1:1?from=chat@example.org")
	require.NoError(t, err)
	require.Equal(t, chatconnect.KindUnavailable, chatconnect.AsError(gone.Send(t.Context(), message)).Kind)
}

func TestHeadersCantBeInjected(t *testing.T) {
	t.Parallel()
	s := startServer(t, false, false)
	m, err := New("smtp://" + s.address + "?from=chat@example.org&starttls=off")
	require.NoError(t, err)
	hostile := message
	hostile.To = "ada@example.com\r\nBcc: eve@example.com"
	require.Error(t, m.Send(t.Context(), hostile))
	hostile = message
	hostile.Subject = "Hello\r\nBcc: eve@example.com\r\n\r\nbody"
	if err := m.Send(t.Context(), hostile); err == nil {
		require.Empty(t, s.mails[0].Header.Get("Bcc"))
		require.NotContains(t, s.mails[0].Header, "Body")
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
