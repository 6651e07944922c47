// Package mail sends mails over SMTP. It implements chatconnect.Mailer.
package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	netmail "net/mail"
	"net/url"
	"strconv"
	"time"

	"github.com/wneessen/go-mail"

	chatconnect "github.com/chatconnect/chatconnect"
)

// dialogTimeout bounds the whole conversation with the server.
const dialogTimeout = 30 * time.Second

// Mailer implements chatconnect.Mailer. It is made by New and keeps no
// connection.
type Mailer struct {
	host, from, domain string
	options            []mail.Option
}

var _ chatconnect.Mailer = (*Mailer)(nil)

// New reads smtps://user:password@host:465?from=address (TLS from the first
// byte) or smtp://…:587 (STARTTLS, required unless starttls=off is said). The
// error never holds the password.
func New(address string) (*Mailer, error) { return newMailer(address, nil) }

func newMailer(address string, config *tls.Config) (*Mailer, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || (u.Scheme != "smtp" && u.Scheme != "smtps") {
		return nil, errors.New("it must look like smtps://user:password@host:465?from=chat@example.com")
	}
	values := u.Query()
	from, err := netmail.ParseAddress(values.Get("from"))
	if err != nil {
		return nil, errors.New("from= must be the sender's address")
	}
	m := &Mailer{host: u.Hostname(), from: from.String()}
	_, m.domain = split(from.Address)
	m.options = []mail.Option{mail.WithTimeout(dialogTimeout)}
	if config != nil {
		m.options = append(m.options, mail.WithTLSConfig(config))
	}
	port := 587
	switch starttls := values.Get("starttls"); {
	case u.Scheme == "smtps":
		port = 465
		m.options = append(m.options, mail.WithSSL())
	case starttls == "off":
		m.options = append(m.options, mail.WithTLSPolicy(mail.NoTLS))
	case starttls == "":
		m.options = append(m.options, mail.WithTLSPolicy(mail.TLSMandatory))
	default:
		return nil, errors.New("starttls can only be off")
	}
	if p := u.Port(); p != "" {
		if port, err = strconv.Atoi(p); err != nil {
			return nil, errors.New("the port must be a number")
		}
	}
	m.options = append(m.options, mail.WithPort(port))
	if u.User != nil {
		password, _ := u.User.Password()
		auth := mail.SMTPAuthAutoDiscover // never in plain text over an open connection
		m.options = append(m.options, mail.WithSMTPAuth(auth), mail.WithUsername(u.User.Username()), mail.WithPassword(password))
	}
	if _, err := mail.NewClient(m.host, m.options...); err != nil {
		return nil, err
	}
	return m, nil
}

func split(address string) (local, domain string) {
	for i := len(address) - 1; i >= 0; i-- {
		if address[i] == '@' {
			return address[:i], address[i+1:]
		}
	}
	return address, ""
}

// Send implements chatconnect.Mailer. A line break in any field of the header
// is refused or encoded, never sent as one.
func (m *Mailer) Send(ctx context.Context, message chatconnect.Mail) error {
	ctx, cancel := context.WithTimeout(ctx, dialogTimeout)
	defer cancel()
	out := mail.NewMsg(mail.WithCharset(mail.CharsetUTF8))
	if err := errors.Join(out.From(m.from), out.To(message.To)); err != nil {
		return refused(err)
	}
	out.Subject(message.Subject)
	out.SetMessageIDWithValue(message.ID + "@" + m.domain)
	out.SetDate()
	out.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no out-of-office replies
	out.SetBodyString(mail.TypeTextPlain, message.Text)
	client, err := mail.NewClient(m.host, m.options...)
	if err != nil {
		return refused(err)
	}
	err = client.DialAndSendWithContext(ctx, out)
	var sending *mail.SendError
	if errors.As(err, &sending) && !sending.IsTemp() && permanent(sending) {
		return refused(err)
	}
	if err != nil {
		return chatconnect.Errorf(chatconnect.KindUnavailable, "mail_unavailable", "The mail server can't be reached, or refuses mails for now.").Because(err)
	}
	return nil
}

// permanent reports whether the server itself said that it will never take this
// mail (5xx).
func permanent(err *mail.SendError) bool { return err.ErrorCode() >= 500 && err.ErrorCode() < 600 }

func refused(err error) error {
	return chatconnect.Errorf(chatconnect.KindInvalid, "mail_refused", "The mail server doesn't take this mail.").Because(fmt.Errorf("mail: %w", err))
}
