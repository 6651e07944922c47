package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/api"
	"github.com/chatconnect/chatconnect/internal/config"
	"github.com/chatconnect/chatconnect/internal/mail"
	"github.com/chatconnect/chatconnect/internal/password"
	"github.com/chatconnect/chatconnect/internal/postgres"
)

const userUsage = `usage: chatconnect user create [--name NAME] [--password-stdin] EMAIL
       chatconnect user invite EMAIL`

// userCommand makes accounts and invitations for the operator, whatever
// REGISTRATION allows to others.
type userCommand struct {
	settings config.Config
	store    *postgres.Store
	stdin    io.Reader
	stdout   io.Writer
}

func runUser(ctx context.Context, args []string, settings config.Config, stdin io.Reader, stdout io.Writer) error {
	if len(args) == 0 {
		return errors.New(userUsage)
	}
	flags := flag.NewFlagSet("user "+args[0], flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	name := flags.String("name", "", "")
	fromStdin := flags.Bool("password-stdin", false, "")
	if err := flags.Parse(args[1:]); err != nil || flags.NArg() != 1 {
		return errors.New(userUsage)
	}
	email, err := api.ValidEmail(flags.Arg(0))
	if err != nil {
		return fmt.Errorf("%s is not an email address", flags.Arg(0))
	}
	if err := settings.RequireDatabase(); err != nil {
		return err
	}
	store, err := postgres.New(ctx, postgres.Options{URL: string(settings.DatabaseURL)})
	if err != nil {
		return err
	}
	defer store.Close()
	u := userCommand{settings: settings, store: store, stdin: stdin, stdout: stdout}
	switch args[0] {
	case "create":
		return u.create(ctx, email, *name, *fromStdin)
	case "invite":
		return u.invite(ctx, email)
	}
	return errors.New(userUsage)
}

// create makes an account with the first line of stdin as its password, or with
// one that it makes and prints.
func (u userCommand) create(ctx context.Context, email, name string, fromStdin bool) error {
	if name == "" {
		name, _, _ = strings.Cut(email, "@")
	}
	plain := rand.Text()
	if fromStdin {
		line, err := bufio.NewReader(u.stdin).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		plain = strings.TrimRight(line, "\r\n")
	}
	if err := password.Check(plain, email, name); err != nil {
		return errors.New(chatconnect.AsError(err).Message)
	}
	hash, err := password.Hash(plain)
	if err != nil {
		return err
	}
	if _, err := u.store.CreateUser(ctx, chatconnect.User{Email: email, Name: name}, hash); err != nil {
		return err
	}
	fmt.Fprintf(u.stdout, "Account %s created.\n", email)
	if !fromStdin {
		fmt.Fprintf(u.stdout, "Password: %s\n", plain)
	}
	return nil
}

// invite makes an invitation, prints its link and mails it if SMTP_URL is set.
func (u userCommand) invite(ctx context.Context, email string) error {
	if u.settings.Registration == chatconnect.RegistrationClosed {
		return errors.New("REGISTRATION is closed, so no invitation would be accepted: set it to invite, or use `chatconnect user create`")
	}
	public := u.settings.PublicURL
	if public == "" {
		public = "http://localhost:" + strconv.Itoa(u.settings.Port)
	}
	token, hash := chatconnect.NewAccountToken()
	if _, err := u.store.CreateAccountToken(ctx, chatconnect.AccountToken{
		Purpose: chatconnect.PurposeInvitation, Email: email, ExpiresAt: time.Now().Add(chatconnect.InvitationLifetime),
	}, hash, 0); err != nil {
		return err
	}
	link := chatconnect.AccountLink(public, chatconnect.PurposeInvitation, token, email)
	fmt.Fprintln(u.stdout, link)
	if u.settings.SMTPURL == "" {
		return nil
	}
	mailer, err := mail.New(string(u.settings.SMTPURL))
	if err != nil {
		return fmt.Errorf("SMTP_URL: %w", err)
	}
	if err := mailer.Send(ctx, chatconnect.InvitationMail(rand.Text(), email, link)); err != nil {
		return fmt.Errorf("the link above works, but the mail was not sent: %w", err)
	}
	fmt.Fprintf(u.stdout, "Mailed to %s.\n", email)
	return nil
}
