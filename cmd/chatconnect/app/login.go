package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/chatconnect/chatconnect/internal/config"
	"github.com/chatconnect/chatconnect/internal/postgres"
	"github.com/chatconnect/chatconnect/schema"
)

// Migrate brings the schema up to date as its owner, and prepares the login
// that the running product uses.
func Migrate(ctx context.Context, settings config.Config) error {
	if err := schema.Migrate(ctx, settings.OwnerURL()); err != nil {
		return err
	}
	return schema.GrantRuntime(ctx, settings.OwnerURL(), string(settings.DatabaseURL))
}

// separateLogins is what an operator can do about a login with too much power.
const separateLogins = "give MIGRATE_DATABASE_URL the owner's login and DATABASE_URL one that owns nothing, then run chatconnect migrate"

// DescribeLogin says for `config check` what the login of DATABASE_URL may do.
func DescribeLogin(ctx context.Context, settings config.Config) string {
	login, err := postgres.CheckLogin(ctx, string(settings.DatabaseURL))
	switch {
	case err != nil:
		return fmt.Sprintf("database login: not checked: %v", err)
	case len(login.Excess) > 0:
		return fmt.Sprintf("WARNING: database login %s: %s; %s", login.Name, strings.Join(login.Excess, ", "), separateLogins)
	}
	return fmt.Sprintf("database login: %s owns nothing and can become %s only", login.Name, postgres.Role)
}

// reportLogin warns once if a statement that an attacker slips in could do
// more than the product itself.
func (a *App) reportLogin(ctx context.Context) {
	login, err := a.store.Login(ctx)
	switch {
	case err != nil:
		a.logger.WarnContext(ctx, "privileges of the database login not checked", "error", err)
	case len(login.Excess) > 0:
		a.logger.WarnContext(ctx, "the database login has more privileges than the product needs",
			"login", login.Name, "excess", login.Excess, "advice", separateLogins)
	}
}
