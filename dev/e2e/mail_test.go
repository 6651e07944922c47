package e2e

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/cmd/chatconnect/app"
	"github.com/chatconnect/chatconnect/dev/stack/stacktest"
	"github.com/chatconnect/chatconnect/internal/mailtest"
	"github.com/chatconnect/chatconnect/worker"
)

// TestAccountsByMail checks that every registration gets the same response, and
// that its outcome arrives in one mail, even if the mail server was away and the
// worker was restarted meanwhile.
func TestAccountsByMail(t *testing.T) {
	t.Parallel()
	smtpAddress := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	environ := append(stacktest.Environ(t), "SMTP_URL=smtp://"+smtpAddress+"?from=chat@example.org&starttls=off")
	environ, address := reachable(t, environ)
	roles := app.Roles{API: true, Worker: true}

	failed := make(chan error, 100)
	watched := func(o *worker.Options) { o.Mails.Mailer = watchedMailer{o.Mails.Mailer, failed} }
	before := startAdjusted(t, roles, environ, watched)
	ada := newPerson(t, address)
	first := ada.registerBy("ada@example.com", password).is(http.StatusAccepted)
	require.ErrorContains(t, received(t, failed), "connection refused")
	before.stop()

	for len(failed) > 0 {
		<-failed
	}
	product := startAdjusted(t, roles, environ, watched)
	require.ErrorContains(t, received(t, failed), "connection refused", "the new worker takes the mail up")
	server := mailtest.Start(t, mailtest.Options{Address: smtpAddress})

	verification := server.Next(t)
	require.Equal(t, "Confirm your email address", verification.Header.Get("Subject"))
	token := linkIn(t, verification, address).Get("verification")
	history := product.history(t, workflowOf(verification))
	replays(t, history)
	keepHistory(t, "mail", history)

	ada.post("/api/auth/login", map[string]string{"email": ada.email, "password": password}).is(http.StatusUnauthorized)
	confirm := func(p *person, plain string) response {
		return p.post("/api/auth/verify", map[string]string{"token": token, "password": plain})
	}
	require.Equal(t, "login_wrong", confirm(newPerson(t, address), "another good password").is(http.StatusUnauthorized).problem(), "the link alone is no account")
	confirm(ada, password).is(http.StatusCreated)
	require.Equal(t, "ada@example.com", ada.me())
	ada.logIn()

	// The address is taken now. The answer doesn't tell, and the mail does.
	again := newPerson(t, address).registerBy("ada@example.com", "another good password").is(http.StatusAccepted)
	require.Equal(t, string(first.body), string(again.body))
	require.Equal(t, slices.Sorted(maps.Keys(first.header)), slices.Sorted(maps.Keys(again.header)))
	taken := server.Next(t)
	require.Equal(t, "You already have an account", taken.Header.Get("Subject"))
	require.NotContains(t, taken.Text, "#", "it has no token")
	newPerson(t, address).post("/api/auth/login", map[string]string{"email": ada.email, "password": "another good password"}).is(http.StatusUnauthorized)
	ada.logIn()

	invitation := invited(t, environ, server)

	for _, mail := range []mailtest.Mail{taken, invitation} {
		product.history(t, workflowOf(mail)) // until no more can come
	}
	var sent []string
	for _, mail := range server.Mails() {
		sent = append(sent, mail.Header.Get("To")+" "+mail.Header.Get("Subject"))
	}
	require.Equal(t, []string{
		"<ada@example.com> Confirm your email address",
		"<ada@example.com> You already have an account",
		"<bea@example.com> Your invitation to ChatConnect",
	}, sent, "each arrives once")
}

// invited runs an API beside the product that is for invited people only, and
// makes one's account.
func invited(t *testing.T, environ []string, server *mailtest.Server) mailtest.Mail {
	t.Helper()
	environ, address := reachable(t, append(slices.Clone(environ), "REGISTRATION=invite"))
	product := startRoles(t, app.Roles{API: true}, environ)
	bea := newPerson(t, address)
	require.Equal(t, "invitation_required", bea.registerBy("bea@example.com", password).is(http.StatusForbidden).problem())
	var made struct {
		Email, Link string
		Mailed      bool
	}
	operator := &service{newPerson(t, address), stacktest.InternalSecret(t)}
	operator.call("/internal/invitations", map[string]any{"email": "bea@example.com"}).is(http.StatusCreated).into(&made)
	require.True(t, made.Mailed)
	mail := server.Next(t)
	require.Contains(t, mail.Text, made.Link)
	values := linkIn(t, mail, address)
	require.Equal(t, "bea@example.com", values.Get("email"))
	token := values.Get("invitation")
	require.Equal(t, "invitation_invalid", newPerson(t, address).registerBy("eve@example.com", password, token).is(http.StatusForbidden).problem())
	bea.registerBy("bea@example.com", password, token).is(http.StatusCreated)
	require.Equal(t, "bea@example.com", bea.me())
	newPerson(t, product.URL()).post("/api/auth/login", map[string]string{"email": bea.email, "password": password}).is(http.StatusOK)
	return mail
}

// reachable completes an environment of an API with the address that its links
// begin with.
func reachable(t *testing.T, environ []string) (complete []string, address string) {
	t.Helper()
	port := freePort(t)
	address = fmt.Sprintf("http://localhost:%d", port)
	return append(environ, fmt.Sprintf("PORT=%d", port), "PUBLIC_URL="+address), address
}

// watchedMailer tells which mails could not be sent.
type watchedMailer struct {
	chatconnect.Mailer
	failed chan<- error
}

func (m watchedMailer) Send(ctx context.Context, mail chatconnect.Mail) error {
	err := m.Mailer.Send(ctx, mail)
	if err != nil {
		m.failed <- err
	}
	return err
}

func received(t *testing.T, errs <-chan error) error {
	t.Helper()
	select {
	case err := <-errs:
		return err
	case <-time.After(patience):
		t.Fatal("no mail was tried")
		return nil
	}
}

// registerBy registers with an address, and an invitation if there is one.
func (p *person) registerBy(email, plain string, invitation ...string) response {
	p.t.Helper()
	p.email = email
	return p.post("/api/auth/register", map[string]string{
		"email": email, "password": plain, "name": "Pat", "invitation": strings.Join(invitation, ""),
	})
}

// me is the address of who is logged in.
func (p *person) me() string {
	p.t.Helper()
	var me struct{ User chatconnect.User }
	p.get("/api/auth/me").is(http.StatusOK).into(&me)
	return me.User.Email
}

var mailedLink = regexp.MustCompile(`(http\S+/)#(\S+)`)

// linkIn returns what a mail's link has in its fragment.
func linkIn(t *testing.T, mail mailtest.Mail, address string) url.Values {
	t.Helper()
	found := mailedLink.FindStringSubmatch(mail.Text)
	require.NotNil(t, found, mail.Text)
	require.Equal(t, address+"/", found[1])
	values, err := url.ParseQuery(found[2])
	require.NoError(t, err)
	return values
}

// workflowOf is the id of the workflow that sent a mail.
func workflowOf(mail mailtest.Mail) string {
	id, _, _ := strings.Cut(strings.TrimPrefix(mail.Header.Get("Message-Id"), "<"), "@")
	return "mail:" + id
}
