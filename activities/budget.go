package activities

import (
	"context"
	"sync"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

// checkBudget refuses a question whose client has no tokens left, and warns of
// that once a month before.
func (a *Chat) checkBudget(ctx context.Context, in *temporal.ChatInput, budget chatconnect.TokenBudget) error {
	if budget.Due() {
		first, err := a.Chats.WarnOfBudget(ctx, in.ClientID, budget)
		switch {
		case err != nil:
			a.Logger.WarnContext(ctx, "warning of the token budget not noted", "error", err)
		case first:
			a.Metrics.BudgetWarned(in.ClientID)
			a.Logger.WarnContext(ctx, "token budget nearly used up", "limit", budget.Limit, "used", budget.Used)
		}
	}
	a.exhausted.note(in.ClientID, budget.Exhausted())
	if budget.Exhausted() {
		return errBudgetExhausted
	}
	return nil
}

// budgetPause is how often a document that waits for a budget looks again.
const budgetPause = 5 * time.Minute

// errDocumentWaits has a document wait until its client may spend tokens again:
// when the month ends, or somebody raises the limit. The document loses nothing.
var errDocumentWaits = &chatconnect.Error{
	Kind: chatconnect.KindUnavailable, Code: "budget_exhausted", RetryAfter: budgetPause,
	Message: "The tokens of this month are used up. The document waits for the next month or a higher limit.",
}

// checkBudget has a batch wait whose client has no tokens left. Batches that
// are embedded at the same time may exceed the limit together.
func (a *Ingestion) checkBudget(ctx context.Context, in *temporal.EmbedBatchInput) error {
	budget, err := a.Budgets.Budget(ctx, in.ClientID)
	if err == nil && budget.Exhausted() {
		return errDocumentWaits
	}
	return err
}

// exhausted are the clients that had no tokens left when this process last
// looked. For them nothing is begun ahead of the next look, because it would
// have to be paid for.
type exhausted struct {
	mu      sync.Mutex
	clients map[chatconnect.ClientID]struct{}
}

func (e *exhausted) has(client chatconnect.ClientID) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, found := e.clients[client]
	return found
}

func (e *exhausted) note(client chatconnect.ClientID, is bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !is {
		delete(e.clients, client)
		return
	}
	if e.clients == nil {
		e.clients = map[chatconnect.ClientID]struct{}{}
	}
	e.clients[client] = struct{}{}
}
