package api_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/api"
	"github.com/chatconnect/chatconnect/temporal"
)

func registrationIs(mode chatconnect.Registration) func(*api.Options) {
	return func(o *api.Options) { o.Registration = mode }
}

func withMails(o *api.Options) { o.VerifyEmail, o.PublicURL = true, "http://"+mailHost }

const mailHost = "chat.example.com"

func account(email string) object {
	return object{"email": email, "password": "correct horse", "name": "Ada"}
}

// mails are those that were handed over to be sent.
func (b *bundle) mails() (mails []*temporal.MailInput) {
	b.workflows.mu.Lock()
	defer b.workflows.mu.Unlock()
	for _, w := range b.workflows.started {
		if w.name == temporal.WorkflowSendMail {
			mails = append(mails, w.input.(*temporal.MailInput))
		}
	}
	return mails
}

// tokenIn is what a page finds behind the # of a link.
func tokenIn(t *testing.T, link, purpose string) string {
	t.Helper()
	page, fragment, _ := strings.Cut(link, "#")
	values, err := url.ParseQuery(fragment)
	require.NoError(t, err)
	require.NotContains(t, page, values.Get(purpose), "no server gets it from the address")
	require.Len(t, values.Get(purpose), 43)
	return values.Get(purpose)
}

// postAt asks the host that mails lead to.
func (b *bundle) postAt(path string, body string) response {
	return b.to(mailHost, "POST", path, body)
}

func TestClosedRegistrationTakesTheFirstAccountOnly(t *testing.T) {
	t.Parallel()
	b := setup(t, registrationIs(""))
	require.Equal(t, object{"mode": "closed", "firstAccount": true, "verification": false}, b.browser().get("/api/auth/registration").json(t))
	require.Equal(t, 201, b.browser().post("/api/auth/register", account("ada@example.com")).StatusCode)
	require.Equal(t, object{"mode": "closed", "firstAccount": false, "verification": false}, b.browser().get("/api/auth/registration").json(t))
	b.browser().post("/api/auth/register", account("eve@example.com")).problem(t, 403, "registration_closed")
	require.Equal(t, 200, b.browser().logIn("ada@example.com", "correct horse").StatusCode)
}

func TestInvitation(t *testing.T) {
	t.Parallel()
	b := setup(t, registrationIs(chatconnect.RegistrationInvite))
	require.Equal(t, "invite", b.browser().get("/api/auth/registration").json(t)["mode"])
	b.browser().post("/api/auth/register", account("ada@example.com")).problem(t, 403, "invitation_required")

	b.browser().post("/internal/invitations", object{"email": "ada@example.com"}).problem(t, 401, "internal_secret_wrong")
	operator := b.browser().with("X-Internal-Secret", "internal secret")
	operator.post("/internal/invitations", object{"email": "nobody"}).problem(t, 400, "email_invalid")
	invite := func(email string) string {
		r := operator.post("/internal/invitations", object{"email": email})
		require.Equal(t, 201, r.StatusCode, "%s", r.body)
		return tokenIn(t, r.json(t)["link"].(string), "invitation")
	}
	token := invite("ada@example.com")
	with := func(email, token string) object {
		a := account(email)
		a["invitation"] = token
		return a
	}
	for name, body := range map[string]object{
		"another's": with("eve@example.com", token),
		"guessed":   with("ada@example.com", strings.Repeat("A", 43)),
	} {
		t.Run(name, func(t *testing.T) { b.browser().post("/api/auth/register", body).problem(t, 403, "invitation_invalid") })
	}
	first := b.browser().post("/api/auth/register", with("ada@example.com", token))
	require.Equal(t, 201, first.StatusCode, "%s", first.body)
	again := b.browser().post("/api/auth/register", with("ada@example.com", token))
	require.Equal(t, first.json(t), again.json(t), "a repeated request")
	other := with("ada@example.com", token)
	other["password"] = "another horse"
	b.browser().post("/api/auth/register", other).problem(t, 403, "invitation_invalid")

	expired := invite("late@example.com")
	b.memory.mu.Lock()
	for hash, token := range b.memory.tokens {
		if token.Email == "late@example.com" {
			token.ExpiresAt = token.ExpiresAt.Add(-chatconnect.InvitationLifetime)
			b.memory.tokens[hash] = token
		}
	}
	b.memory.mu.Unlock()
	b.browser().post("/api/auth/register", with("late@example.com", expired)).problem(t, 403, "invitation_invalid")
}

func TestNoInvitationsWhileClosed(t *testing.T) {
	t.Parallel()
	b := setup(t, registrationIs(chatconnect.RegistrationClosed))
	b.browser().with("X-Internal-Secret", "internal secret").
		post("/internal/invitations", object{"email": "ada@example.com"}).problem(t, 409, "registration_closed")
}

const (
	ada      = `{"email":"ada@example.com","password":"correct horse","name":"Ada"}`
	strange  = `{"email":"ada@example.com","password":"planted horse","name":"Eve"}`
	newcomer = `{"email":"new@example.com","password":"correct horse","name":"New"}`
)

// Whether there is an account with an address, only its owner learns.
func TestRegistrationByMailTellsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, withMails)
	_, err := b.memory.CreateUser(t.Context(), chatconnect.User{ID: "1", Email: "ada@example.com"}, "hash")
	require.NoError(t, err)
	taken, free := b.postAt("/api/auth/register", ada), b.postAt("/api/auth/register", newcomer)
	for _, r := range []response{taken, free} {
		require.Equal(t, 202, r.StatusCode, "%s", r.body)
		require.JSONEq(t, `{"verification":"mailed"}`, string(r.body))
		require.Empty(t, r.Cookies())
	}
	mails := b.mails()
	require.Len(t, mails, 2)
	require.Equal(t, mails[0].Kind, mails[1].Kind, "the worker decides what they say")
	require.Equal(t, "ada@example.com", mails[0].To)
	b.postAt("/api/auth/login", newcomer).problem(t, 401, "login_wrong")
}

func TestVerification(t *testing.T) {
	t.Parallel()
	b := setup(t, withMails)
	require.Equal(t, 202, b.postAt("/api/auth/register", strange).StatusCode)
	require.Equal(t, 202, b.postAt("/api/auth/register", ada).StatusCode)
	mails := b.mails()
	planted, own := tokenIn(t, mails[0].Link, "verification"), tokenIn(t, mails[1].Link, "verification")
	require.True(t, strings.HasPrefix(mails[1].Link, "http://chat.example.com/#"), mails[1].Link)
	verify := func(token, password string) response {
		return b.postAt("/api/auth/verify", `{"token":"`+token+`","password":"`+password+`"}`)
	}
	verify("nonsense", "correct horse").problem(t, 403, "verification_invalid")
	verify(planted, "correct horse").problem(t, 401, "login_wrong") // opening a stranger's link makes no account
	b.postAt("/api/auth/login", ada).problem(t, 401, "login_wrong")
	first := verify(own, "correct horse")
	require.Equal(t, 201, first.StatusCode, "%s", first.body)
	require.NotEmpty(t, first.Cookies())
	require.Equal(t, first.json(t), verify(own, "correct horse").json(t), "a repeated request")
	verify(own, "planted horse").problem(t, 403, "verification_invalid")
	verify(planted, "planted horse").problem(t, 409, "email_taken")
	require.Equal(t, 200, b.postAt("/api/auth/login", ada).StatusCode)
}

func TestNobodyIsFloodedWithMails(t *testing.T) {
	t.Parallel()
	b := setup(t, withMails)
	for range 8 {
		require.Equal(t, 202, b.postAt("/api/auth/register", ada).StatusCode)
	}
	require.Len(t, b.mails(), 5)
	require.Equal(t, 202, b.postAt("/api/auth/register", newcomer).StatusCode)
	require.Equal(t, 202, b.postAt("/api/auth/register", newcomer).StatusCode)
	b.postAt("/api/auth/register", newcomer).problem(t, 429, "rate_limited") // from one address
}

func TestMailThatCantBeSentIsNotPromised(t *testing.T) {
	t.Parallel()
	b := setup(t, withMails)
	b.workflows.down = errors.New("connection refused")
	b.postAt("/api/auth/register", ada).problem(t, 503, "mail_unavailable")
}

// Of several registrations that wait, the first to be confirmed gets the account.
func TestFirstAccountIsConfirmedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, withMails, registrationIs(chatconnect.RegistrationClosed))
	require.Equal(t, 202, b.postAt("/api/auth/register", ada).StatusCode)
	require.Equal(t, 202, b.postAt("/api/auth/register", newcomer).StatusCode)
	var links [2]string
	for i, m := range b.mails() {
		links[i] = tokenIn(t, m.Link, "verification")
	}
	require.Equal(t, 201, b.postAt("/api/auth/verify", `{"token":"`+links[0]+`","password":"correct horse"}`).StatusCode)
	b.postAt("/api/auth/verify", `{"token":"`+links[1]+`","password":"correct horse"}`).problem(t, 403, "registration_closed")
	b.postAt("/api/auth/register", newcomer).problem(t, 403, "registration_closed")
}
