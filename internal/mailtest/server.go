// Package mailtest is a real SMTP server (emersion/go-smtp) that keeps what it
// gets. Only tests import this package.
package mailtest

import (
	"crypto/tls"
	"errors"
	"io"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"
)

// The account of the server.
const (
	Username = "chat"
	Password = "s3cr/t"
)

// patience is with a mail that does come, on a machine that is busy.
const patience = 2 * time.Minute

// Options say how the server is reached. The zero value is a free port of
// loopback, without TLS.
type Options struct {
	Address  string // host:port
	STARTTLS *tls.Config
	TLS      *tls.Config // from the first byte
}

// Mail is a message that the server has accepted.
type Mail struct {
	From   string // of the envelope
	Header netmail.Header
	Text   string // decoded
}

// Server is a running SMTP server.
type Server struct {
	Address string

	mu      sync.Mutex
	refusal error
	mails   []Mail
	arrived chan Mail
}

// Start runs a server until the test ends.
func Start(t testing.TB, options Options) *Server {
	t.Helper()
	if options.Address == "" {
		options.Address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", options.Address)
	require.NoError(t, err)
	s := &Server{Address: listener.Addr().String(), arrived: make(chan Mail, 100)}
	backend := smtp.NewServer(s)
	backend.Domain, backend.TLSConfig = "localhost", options.STARTTLS
	if options.TLS != nil {
		listener = tls.NewListener(listener, options.TLS)
	}
	go func() { _ = backend.Serve(listener) }() // ends with the listener
	t.Cleanup(func() { _ = backend.Close() })
	return s
}

// Refuse has the server refuse every recipient with this error, or none with nil.
func (s *Server) Refuse(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusal = err
}

// Mails are all that were accepted so far.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

// Next waits for a mail that no Next has returned yet.
func (s *Server) Next(t testing.TB) Mail {
	t.Helper()
	select {
	case mail := <-s.arrived:
		return mail
	case <-time.After(patience):
		t.Fatal("no mail arrives")
		return Mail{}
	}
}

// NewSession implements smtp.Backend.
func (s *Server) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{server: s}, nil }

type session struct {
	server *Server
	from   string
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != Username || password != Password {
			return errors.New("wrong password")
		}
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error { s.from = from; return nil }
func (s *session) Reset()                                      {}
func (s *session) Logout() error                               { return nil }

func (s *session) Rcpt(string, *smtp.RcptOptions) error {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	return s.server.refusal
}

func (s *session) Data(r io.Reader) error {
	message, err := netmail.ReadMessage(r)
	if err != nil {
		return err
	}
	body := message.Body
	if message.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	mail := Mail{From: s.from, Header: message.Header, Text: string(text)}
	s.server.mu.Lock()
	s.server.mails = append(s.server.mails, mail)
	s.server.mu.Unlock()
	s.server.arrived <- mail
	return nil
}
