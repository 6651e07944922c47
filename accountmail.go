package chatconnect

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Mail is a text to one address. ID identifies it: a repeated attempt sends the
// same ID, so that mail servers can recognise the duplicate.
type Mail struct {
	ID      string
	To      string
	Subject string
	Text    string
}

// Mailer sends mails. An error of KindUnavailable may pass; with any other the
// mail will never arrive.
type Mailer interface {
	Send(ctx context.Context, mail Mail) error
}

// AccountLink leads to the dashboard with a token. The token is in the
// fragment, which browsers keep to themselves: no log of a proxy has it.
func AccountLink(publicURL string, purpose TokenPurpose, token, email string) string {
	values := url.Values{string(purpose): {token}}
	if email != "" {
		values.Set("email", email)
	}
	return strings.TrimSuffix(publicURL, "/") + "/#" + values.Encode()
}

// VerificationMail asks whether an address is that of the person who
// registered with it.
func VerificationMail(id, to, link string) Mail {
	return Mail{ID: id, To: to, Subject: "Confirm your email address", Text: fmt.Sprintf(`Somebody, most likely you, asked for a ChatConnect account with this address.

To finish, open this link and enter the password you chose:

%s

The link works once, within %d hours. If it wasn't you, ignore this mail: no account is made.
`, link, VerificationLifetime/time.Hour)}
}

// AlreadyRegisteredMail answers a registration with the address of an account.
func AlreadyRegisteredMail(id, to, dashboard string) Mail {
	return Mail{ID: id, To: to, Subject: "You already have an account", Text: fmt.Sprintf(`Somebody, most likely you, asked for a ChatConnect account with this address. There is one already, and nothing was changed.

Log in here with the password you chose then:

%s

If it wasn't you, ignore this mail.
`, dashboard)}
}

// InvitationMail brings the link of an invitation.
func InvitationMail(id, to, link string) Mail {
	return Mail{ID: id, To: to, Subject: "Your invitation to ChatConnect", Text: fmt.Sprintf(`You are invited to make a ChatConnect account with this address:

%s

The link works once, within %d days. If you didn't expect it, ignore this mail.
`, link, InvitationLifetime/(24*time.Hour))}
}
