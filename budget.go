package chatconnect

import (
	"context"
	"math"
	"time"
)

// TokenBudget bounds the input, output and embedding tokens of a client's
// calendar month (UTC). Two limits apply to the client, and the smaller one
// counts: the owner's own, and the operator's ceiling. A third is the ceiling
// of the owner's account, which clients of the free tier share. Tokens of
// built-in models cost nothing and are not counted.
type TokenBudget struct {
	Limit   int64 // the smaller of the owner's and the operator's; 0 for none
	Used    int64 // of Limit; not counted without one
	Ceiling int64 // the operator's; 0 for none

	AccountCeiling int64 // 0 if the client shares none
	AccountUsed    int64 // by all clients that share it

	Warned bool // the owner was told this month that it nears its end
}

// budgetWarning is the share of a budget, in percent, at which its owner is
// told.
const budgetWarning = 80

// Exhausted reports whether nothing may be spent any more this month.
func (b TokenBudget) Exhausted() bool { return b.Left() == 0 }

// Low reports whether one of the limits is nearly used up, or wholly.
func (b TokenBudget) Low() bool {
	return low(b.Limit, b.Used) || low(b.AccountCeiling, b.AccountUsed)
}

func low(limit, used int64) bool {
	return limit > 0 && float64(used)*100 >= float64(limit)*budgetWarning
}

// Due reports whether the owner is to be told now.
func (b TokenBudget) Due() bool { return b.Low() && !b.Warned }

// Limited reports whether there is any limit.
func (b TokenBudget) Limited() bool { return b.Limit > 0 || b.AccountCeiling > 0 }

// Left is how many tokens may still be spent this month; without a limit it is
// math.MaxInt64.
func (b TokenBudget) Left() int64 {
	left := int64(math.MaxInt64)
	if b.Limit > 0 {
		left = max(0, b.Limit-b.Used)
	}
	if b.AccountCeiling > 0 {
		left = min(left, max(0, b.AccountCeiling-b.AccountUsed))
	}
	return left
}

// What limits a client's month.
const (
	LimitedByBudget  = "budget"  // the owner's own limit
	LimitedByCeiling = "ceiling" // the operator's for the client
	LimitedByAccount = "account" // the operator's for all clients of the owner
)

// LimitedBy names the limit that is reached first, "" if there is none.
func (b TokenBudget) LimitedBy() string {
	switch {
	case !b.Limited():
		return ""
	case b.AccountCeiling > 0 && (b.Limit == 0 || b.AccountCeiling-b.AccountUsed < b.Limit-b.Used):
		return LimitedByAccount
	case b.Limit == b.Ceiling:
		return LimitedByCeiling
	default:
		return LimitedByBudget
	}
}

// Built-in models. They run in this process, so their tokens cost nothing and
// count against no budget.
const (
	BuiltinModel    = "extractive-v1"
	BuiltinEmbedder = "local-hash-v1"
)

// UnpaidModels are those whose tokens are left out of budgets.
func UnpaidModels() []string { return []string{BuiltinModel, BuiltinEmbedder} }

// BudgetStore is what spending outside of answers is decided by and counted in.
type BudgetStore interface {
	// Budget returns the month's budget as it stands.
	Budget(ctx context.Context, client ClientID) (TokenBudget, error)
	// AddUsage counts what a call spent besides an exchange, for the day of at
	// and for the budget. Repeating it counts it again.
	AddUsage(ctx context.Context, client ClientID, at time.Time, spent Completion) error
}

// Allowance is what the operator lets clients and accounts have. 0 sets no
// limit.
type Allowance struct {
	FreeTokens    int64 // ceiling of a client of the free tier, in tokens a month
	PaidTokens    int64 // of the paid tier
	AccountTokens int64 // of an owner's clients of the free tier together

	Documents int   // of a client
	Bytes     int64 // of a client's files
	Clients   int   // that one account owns
	Keys      int   // of a client, not counting revoked ones
}

// DefaultCeiling of a client is its tier's.
func (a Allowance) DefaultCeiling(tier Tier) int64 {
	if tier == TierPaid {
		return a.PaidTokens
	}
	return a.FreeTokens
}

// Quota is how much of something a client has and may have.
type Quota struct {
	Used  int64  `json:"used"`
	Limit *int64 `json:"limit"` // nil for none
}

// Quotas are what a client has of all that is bounded.
type Quotas struct {
	Documents Quota `json:"documents"` // until they are gone, those being deleted too
	Bytes     Quota `json:"bytes"`     // of their files
	Keys      Quota `json:"keys"`      // not revoked
}

// PlanChange is what only the operator changes; nil leaves as it is.
type PlanChange struct {
	Tier *Tier
	// TokenCeiling is a ceiling of the client's own, 0 for none and
	// TierCeiling for the default of its tier again.
	TokenCeiling *int64
}

// TierCeiling takes a client's own ceiling away.
const TierCeiling = -1

// OperatorStore is what the operator sees and changes.
type OperatorStore interface {
	// ClientIDs lists clients behind after in the order of their ids.
	ClientIDs(ctx context.Context, after ClientID, limit int) ([]ClientID, error)
	Client(ctx context.Context, id ClientID) (Client, error)
	// OwnerEmails are the addresses of the client's owners.
	OwnerEmails(ctx context.Context, client ClientID) ([]string, error)
	Budget(ctx context.Context, client ClientID) (TokenBudget, error)
	Quotas(ctx context.Context, client ClientID) (Quotas, error)
	// SetPlan changes the client and notes that in its audit trail, in one
	// transaction; by is how the operator did it, "cli" or "internal api".
	SetPlan(ctx context.Context, client ClientID, change PlanChange, by string) (Client, error)
}
