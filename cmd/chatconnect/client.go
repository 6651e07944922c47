package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/cmd/chatconnect/app"
	"github.com/chatconnect/chatconnect/internal/config"
	"github.com/chatconnect/chatconnect/internal/postgres"
)

const (
	clientPage    = 200              // clients read at once
	clientTimeout = 30 * time.Second // for one read or change
	maxCeiling    = 1 << 52          // stays exact in JavaScript
	notLimited    = "none"           // as it is written and read
)

// errClientUsage tells how the commands about clients are called.
var errClientUsage = errors.New("usage: chatconnect client list | show ID | set-tier ID free|paid | set-ceiling ID TOKENS|none|default")

// clientCommand is one of the commands about clients.
type clientCommand struct {
	args int
	run  func(ctx context.Context, store chatconnect.OperatorStore, args []string, stdout io.Writer) error
}

var clientCommands = map[string]clientCommand{
	"list":        {0, listClients},
	"show":        {1, showClient},
	"set-tier":    {2, setTier},
	"set-ceiling": {2, setCeiling},
}

// runClient does what follows "client" on the command line.
func runClient(ctx context.Context, args, environ []string, stdout io.Writer) error {
	if len(args) == 0 {
		return errClientUsage
	}
	command, found := clientCommands[args[0]]
	if args = args[1:]; !found || len(args) != command.args {
		return errClientUsage
	}
	if len(args) > 0 && !chatconnect.ValidUUID(args[0]) {
		return fmt.Errorf("%q is not the id of a client; `chatconnect client list` shows them", args[0])
	}
	settings, err := config.Load(environ)
	if err != nil {
		return err
	}
	if err := settings.RequireDatabase(); err != nil {
		return err
	}
	store, err := postgres.New(ctx, postgres.Options{URL: string(settings.DatabaseURL), Allowance: app.Allowance(settings)})
	if err != nil {
		return err
	}
	defer store.Close()
	return command.run(ctx, store, args, stdout)
}

func listClients(ctx context.Context, store chatconnect.OperatorStore, _ []string, stdout io.Writer) error {
	table := tabwriter.NewWriter(stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tNAME\tTIER\tCEILING\tUSED\tOWNER")
	for after := chatconnect.ClientID(""); ; {
		ids, err := store.ClientIDs(ctx, after, clientPage)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return table.Flush()
		}
		for _, id := range ids {
			c, err := readClient(ctx, store, id)
			if errors.Is(err, chatconnect.ErrNotFound) {
				continue // deleted meanwhile
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%s\n", c.ID, printable(c.Name), c.Tier, ceiling(c.Client), c.budget.Used, c.owners())
		}
		after = ids[len(ids)-1]
	}
}

// operatorsClient is a client as the operator sees it.
type operatorsClient struct {
	chatconnect.Client
	budget chatconnect.TokenBudget
	quotas chatconnect.Quotas
	emails []string
}

func (c operatorsClient) owners() string { return printable(strings.Join(c.emails, ", ")) }

func readClient(ctx context.Context, store chatconnect.OperatorStore, id chatconnect.ClientID) (c operatorsClient, err error) {
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	if c.Client, err = store.Client(ctx, id); err != nil {
		return c, err
	}
	if c.budget, err = store.Budget(ctx, id); err != nil {
		return c, err
	}
	if c.quotas, err = store.Quotas(ctx, id); err != nil {
		return c, err
	}
	c.emails, err = store.OwnerEmails(ctx, id)
	return c, err
}

func showClient(ctx context.Context, store chatconnect.OperatorStore, args []string, stdout io.Writer) error {
	c, err := readClient(ctx, store, chatconnect.ClientID(args[0]))
	if err != nil {
		return noClient(args[0], err)
	}
	table := tabwriter.NewWriter(stdout, 0, 4, 2, ' ', 0)
	budget := notLimited
	if c.TokenBudget != nil {
		budget = strconv.FormatInt(*c.TokenBudget, 10)
	}
	for _, line := range [][2]string{
		{"id", string(c.ID)}, {"name", printable(c.Name)}, {"owners", c.owners()}, {"tier", string(c.Tier)},
		{"ceiling (operator's, tokens a month)", ceiling(c.Client)},
		{"budget (owner's, tokens a month)", budget},
		{"used this month", strconv.FormatInt(c.budget.Used, 10)},
		{"documents", quotaText(c.quotas.Documents)}, {"bytes", quotaText(c.quotas.Bytes)}, {"keys", quotaText(c.quotas.Keys)},
	} {
		fmt.Fprintf(table, "%s\t%s\n", line[0], line[1])
	}
	if c.budget.AccountCeiling > 0 {
		fmt.Fprintf(table, "account (clients of the free tier together)\t%d of %d\n", c.budget.AccountUsed, c.budget.AccountCeiling)
	}
	return table.Flush()
}

func setTier(ctx context.Context, store chatconnect.OperatorStore, args []string, stdout io.Writer) error {
	tier := chatconnect.Tier(args[1])
	if tier != chatconnect.TierFree && tier != chatconnect.TierPaid {
		return fmt.Errorf("%q is not a tier: free or paid", args[1])
	}
	return setPlan(ctx, store, args[0], chatconnect.PlanChange{Tier: &tier}, stdout)
}

func setCeiling(ctx context.Context, store chatconnect.OperatorStore, args []string, stdout io.Writer) error {
	var tokens int64
	switch args[1] {
	case notLimited:
	case "default":
		tokens = chatconnect.TierCeiling
	default:
		var err error
		if tokens, err = strconv.ParseInt(args[1], 10, 64); err != nil || tokens < 1 || tokens > maxCeiling {
			return fmt.Errorf("%q is not a ceiling: a number of tokens a month, none, or default for the tier's", args[1])
		}
	}
	return setPlan(ctx, store, args[0], chatconnect.PlanChange{TokenCeiling: &tokens}, stdout)
}

func setPlan(ctx context.Context, store chatconnect.OperatorStore, id string, change chatconnect.PlanChange, stdout io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	c, err := store.SetPlan(ctx, chatconnect.ClientID(id), change, "cli")
	if err != nil {
		return noClient(id, err)
	}
	fmt.Fprintf(stdout, "%s (%s): tier %s, ceiling %s\n", c.ID, printable(c.Name), c.Tier, ceiling(c))
	return nil
}

func noClient(id string, err error) error {
	if errors.Is(err, chatconnect.ErrNotFound) {
		return fmt.Errorf("there is no client %s", id)
	}
	return err
}

// ceiling says what holds, and whether it is the tier's.
func ceiling(c chatconnect.Client) string {
	text := notLimited
	if c.TokenCeiling != nil {
		text = strconv.FormatInt(*c.TokenCeiling, 10)
	}
	if c.OwnCeiling == nil {
		text += " (default)"
	}
	return text
}

func quotaText(q chatconnect.Quota) string {
	if q.Limit == nil {
		return strconv.FormatInt(q.Used, 10)
	}
	return fmt.Sprintf("%d of %d", q.Used, *q.Limit)
}

// printable keeps a tenant's text from steering the operator's terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}
