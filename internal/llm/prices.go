package llm

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	chatconnect "github.com/chatconnect/chatconnect"
)

// price is what a model costs, in US dollars for a million tokens, which is
// also millionths of a dollar for one.
type price struct{ input, cached, cacheWrite, output float64 }

// listPrices are the providers' public prices of 2025-11 for pay-as-you-go
// use, from openai.com/api/pricing and claude.com/pricing. They age: operators
// set MODEL_PRICES. A name also covers its dated versions (gpt-4o-2024-08-06).
var listPrices = map[string]price{
	"gpt-4o-mini":       {0.15, 0.075, 0.15, 0.60},
	"gpt-4o":            {2.50, 1.25, 2.50, 10},
	"gpt-4.1":           {2, 0.50, 2, 8},
	"gpt-4.1-mini":      {0.40, 0.10, 0.40, 1.60},
	"gpt-4.1-nano":      {0.10, 0.025, 0.10, 0.40},
	"claude-sonnet-4-5": {3, 0.30, 3.75, 15},
	"claude-sonnet-4":   {3, 0.30, 3.75, 15},
	"claude-haiku-4-5":  {1, 0.10, 1.25, 5},
	"claude-3-5-haiku":  {0.80, 0.08, 1, 4},
	"claude-opus-4-5":   {5, 0.50, 6.25, 25},

	"text-embedding-3-large": {0.13, 0.13, 0.13, 0},
	"text-embedding-3-small": {0.02, 0.02, 0.02, 0},
	"text-embedding-ada-002": {0.10, 0.10, 0.10, 0},
}

// Prices are an operator's own, by model.
type Prices map[string]price

// ParsePrices reads MODEL_PRICES: "model=input/cached/output,…" in US dollars
// for a million tokens, or "model=input/output" where cached tokens cost the
// same. Tokens written to a cache cost as much as input, with Anthropic a
// quarter more.
func ParsePrices(text string) (Prices, error) {
	prices := Prices{}
	for _, entry := range strings.Split(text, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		name, amounts, _ := strings.Cut(entry, "=")
		p, err := parsePrice(amounts)
		if name = strings.TrimSpace(name); err != nil || name == "" {
			return nil, fmt.Errorf("MODEL_PRICES: %q must look like gpt-4o-mini=0.15/0.075/0.60 (dollars for a million tokens: input, cached, output)", entry)
		}
		if p.cacheWrite = p.input; isClaude(name) {
			p.cacheWrite = 1.25 * p.input
		}
		prices[name] = p
	}
	return prices, nil
}

var errPrice = errors.New("not a price")

func parsePrice(text string) (price, error) {
	parts := strings.Split(text, "/")
	if len(parts) != 2 && len(parts) != 3 {
		return price{}, errPrice
	}
	amounts := make([]float64, len(parts))
	for i, part := range parts {
		amount, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil || !(amount >= 0 && amount < 1e6) { // NaN too
			return price{}, errPrice
		}
		amounts[i] = amount
	}
	p := price{input: amounts[0], cached: amounts[0], output: amounts[len(amounts)-1]}
	if len(amounts) == 3 {
		p.cached = amounts[1]
	}
	return p, nil
}

// of returns a model's price: the operator's, else the list's, else nothing.
func (p Prices) of(model string) price {
	if own, ok := p[model]; ok {
		return own
	}
	best, found := "", price{}
	for name, listed := range listPrices {
		rest, ok := strings.CutPrefix(strings.ToLower(model), name)
		if ok && len(name) > len(best) && (rest == "" || rest == "-latest" || dated(rest)) {
			best, found = name, listed
		}
	}
	return found
}

// dated reports whether rest is a version by date: -20250929 or -2024-08-06.
func dated(rest string) bool {
	digits := strings.ReplaceAll(rest, "-", "")
	return rest[0] == '-' && len(digits) == 8 && strings.Trim(digits, "0123456789") == ""
}

// of is what the tokens cost, rounded up.
func (p price) of(m metered) chatconnect.MicroUSD {
	plain := max(0, m.InputTokens-m.CachedTokens-m.cacheWrites)
	return chatconnect.MicroUSD(math.Ceil(float64(plain)*p.input + float64(m.CachedTokens)*p.cached +
		float64(m.cacheWrites)*p.cacheWrite + float64(m.OutputTokens)*p.output - 1e-9))
}
