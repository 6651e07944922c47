package develop

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"github.com/chatconnect/chatconnect/dev/demo"
)

// localPassword of the demo account is no secret: only this machine can reach
// the app. Where others can too, a random one takes its place.
const localPassword = "look-around-here"

// demoAccount returns the demo account, created at the first start, or nil.
// That it can't be created is a pity and no reason not to run.
func demoAccount(ctx context.Context, o options, address, publicURL, host, home string, logger *slog.Logger) *demo.Account {
	if o.noDemo {
		return nil
	}
	file := filepath.Join(home, "demo.json")
	account, err := readAccount(file)
	if err == nil {
		return account
	}
	if !errors.Is(err, fs.ErrNotExist) {
		warn(ctx, logger, "demo.json can't be read", err)
	}
	password := localPassword
	if !onlyLocal(host) {
		password = rand.Text()
	}
	created, err := demo.Create(ctx, address, publicURL, password)
	if err != nil {
		warn(ctx, logger, "the demo account could not be created", err)
		return nil
	}
	if err := writeAccount(file, created); err != nil {
		warn(ctx, logger, "demo.json can't be written", err)
	}
	return &created
}

func onlyLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

func readAccount(file string) (*demo.Account, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var account demo.Account
	if err := json.Unmarshal(content, &account); err != nil {
		return nil, err
	}
	return &account, nil
}

func writeAccount(file string, account demo.Account) error {
	content, err := json.MarshalIndent(account, "", "  ") //nolint:gosec // the password is there to be read
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(content, '\n'), 0o600)
}
