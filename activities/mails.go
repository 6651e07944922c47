package activities

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

// Mails are the activities of SendMail.
type Mails struct {
	Users  chatconnect.UserStore
	Mailer chatconnect.Mailer // nil: SMTP_URL is not set for this worker
	Logger *slog.Logger
}

var errNoMailer = chatconnect.Errorf(chatconnect.KindUnavailable, "mail_unavailable", "Mails can't be sent: SMTP_URL is not set for the worker.")

// DeliverMail hands a mail to the mail server. What it says of a registration
// is decided here, where nobody can measure it.
func (a *Mails) DeliverMail(ctx context.Context, in *temporal.MailInput) error {
	if a.Mailer == nil {
		return encode(ctx, errNoMailer)
	}
	mail, err := a.compose(ctx, in)
	if err == nil {
		err = a.Mailer.Send(ctx, mail)
	}
	if err != nil {
		a.Logger.WarnContext(ctx, "mail not sent", "mail_id", in.ID, "kind", in.Kind, "error", err)
	}
	return encode(ctx, err)
}

func (a *Mails) compose(ctx context.Context, in *temporal.MailInput) (chatconnect.Mail, error) {
	switch in.Kind {
	case temporal.MailInvitation:
		return chatconnect.InvitationMail(in.ID, in.To, in.Link), nil
	case temporal.MailRegistration:
		_, _, err := a.Users.UserByEmail(ctx, in.To)
		if errors.Is(err, chatconnect.ErrNotFound) {
			return chatconnect.VerificationMail(in.ID, in.To, in.Link), nil
		}
		return chatconnect.AlreadyRegisteredMail(in.ID, in.To, in.Dashboard), err
	}
	return chatconnect.Mail{}, fmt.Errorf("unknown kind of mail %q", in.Kind)
}
