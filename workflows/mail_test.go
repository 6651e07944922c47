package workflows

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/activities"
	"github.com/chatconnect/chatconnect/internal/workflowtest"
	"github.com/chatconnect/chatconnect/temporal"
)

type oneUser struct {
	chatconnect.UserStore
	email string
}

func (u oneUser) UserByEmail(_ context.Context, email string) (chatconnect.User, string, error) {
	if email == u.email {
		return chatconnect.User{Email: email}, "hash", nil
	}
	return chatconnect.User{}, "", chatconnect.ErrNotFound
}

// mailbox refuses the first mails with an error.
type mailbox struct {
	refusals []error
	mails    []chatconnect.Mail
}

func (m *mailbox) Send(_ context.Context, mail chatconnect.Mail) error {
	if len(m.refusals) > 0 {
		err := m.refusals[0]
		m.refusals = m.refusals[1:]
		return err
	}
	m.mails = append(m.mails, mail)
	return nil
}

func TestSendMail(t *testing.T) {
	t.Parallel()
	away := chatconnect.Errorf(chatconnect.KindUnavailable, "mail_unavailable", "away")
	never := chatconnect.Errorf(chatconnect.KindInvalid, "mail_refused", "never")
	for name, test := range map[string]struct {
		kind     temporal.MailKind
		to       string
		refusals []error
		subject  string // empty: nothing is sent
	}{
		"a new address":              {kind: temporal.MailRegistration, to: "new@example.com", subject: "Confirm your email address"},
		"the address of an account":  {kind: temporal.MailRegistration, to: "ada@example.com", subject: "You already have an account"},
		"an invitation":              {kind: temporal.MailInvitation, to: "new@example.com", subject: "Your invitation to ChatConnect"},
		"the mail server is away":    {kind: temporal.MailInvitation, to: "new@example.com", refusals: []error{away, away, away}, subject: "Your invitation to ChatConnect"},
		"the mail server says never": {kind: temporal.MailInvitation, to: "new@example.com", refusals: []error{never, away}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			box := &mailbox{refusals: test.refusals}
			env := workflowtest.New(t)
			env.RegisterActivity(&activities.Mails{Users: oneUser{email: "ada@example.com"}, Mailer: box, Logger: slog.New(slog.DiscardHandler)})
			env.ExecuteWorkflow(SendMail, &temporal.MailInput{ID: "42", Kind: test.kind, To: test.to, Link: "https://x/#secret", Dashboard: "https://x"})
			if test.subject == "" {
				require.Error(t, env.GetWorkflowError())
				require.Empty(t, box.mails)
				return
			}
			require.NoError(t, env.GetWorkflowError())
			require.Len(t, box.mails, 1)
			mail := box.mails[0]
			require.Equal(t, []string{"42", test.to, test.subject}, []string{mail.ID, mail.To, mail.Subject})
			if test.subject == "You already have an account" {
				require.NotContains(t, mail.Text, "secret")
			} else {
				require.Contains(t, mail.Text, "https://x/#secret")
			}
		})
	}
}
