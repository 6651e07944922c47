package api

import (
	"context"
	"errors"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Limits of POST /embed.
const (
	maxEmbedTexts = 256
	maxEmbedRunes = 8000 // code points of a text
	maxEmbedBody  = 12 << 20
	embedTimeout  = time.Minute

	// What goes to the provider in one call. No tokenizer makes more tokens
	// than bytes, so a call of this many bytes keeps the providers' limit of
	// 300,000 tokens whatever the language.
	embedTextsPerCall = 128
	embedBytesPerCall = 300_000
)

var errSecretKeyNeeded = chatconnect.Errorf(chatconnect.KindForbidden, "secret_key_required",
	"This needs a secret key (sk_live_…): a publishable one can be read by anybody.")

// requireServer lets servers pass: those of a tenant with a secret key, those
// of the operator with the internal secret.
func (s *Server) requireServer(c *gin.Context) {
	if s.InternalAPISecret != "" && c.GetHeader("X-Internal-Secret") != "" {
		s.requireInternalSecret(c)
		return
	}
	s.requireKey(c)
	if !c.IsAborted() && keyOwner(c).Kind != chatconnect.KeySecret {
		s.fail(c, errSecretKeyNeeded)
	}
}

// embedded answers POST /embed.
type embedded struct {
	Model      string      `json:"model"`
	Dimensions int         `json:"dimensions"`
	Vectors    [][]float32 `json:"vectors"` // of unit length, in the order of the texts
	Usage      embedUsage  `json:"usage"`
}

// embedUsage counts the model's tokens, also of texts whose vectors were cached.
type embedUsage struct {
	InputTokens int `json:"inputTokens"`
}

// postEmbed turns texts into the vectors that documents are searched by.
func (s *Server) postEmbed(c *gin.Context) {
	owner := keyOwner(c) // nobody with the internal secret
	if owner.KeyID != "" {
		if err := s.admitEmbed(c, owner); err != nil {
			s.fail(c, err)
			return
		}
	}
	release, err := s.embedPlaces.take(c.Request.Context(), owner.ClientID, c.Request.ContentLength)
	if err != nil {
		s.fail(c, err)
		return
	}
	defer release()
	var in struct {
		Texts []string `json:"texts"`
	}
	s.takeSteadily(c, largeBodyTimeout)
	if err := decodeJSON(c, maxEmbedBody, &in); err != nil {
		s.fail(c, err)
		return
	}
	if err := checkTexts(in.Texts); err != nil {
		s.fail(c, err)
		return
	}
	out, err := s.embed(c.Request.Context(), owner.ClientID, in.Texts)
	if err != nil {
		s.fail(c, err)
		return
	}
	s.writeEmbedded(c, out)
}

// admitEmbed counts a request and refuses a client without tokens before its
// texts are read.
func (s *Server) admitEmbed(c *gin.Context, owner chatconnect.KeyOwner) error {
	limits := append(sharedLimits(owner, "embed"),
		chatconnect.RateLimit{Key: string(owner.ClientID) + ":embed:key:" + string(owner.KeyID), PerMinute: chatLimit(owner.Tier)})
	if err := s.throttle(c, limits...); err != nil {
		return err
	}
	return s.checkEmbedBudget(c.Request.Context(), owner.ClientID)
}

var errEmbedBudget = chatconnect.Errorf(chatconnect.KindForbidden, "budget_exhausted",
	"The tokens of this month are used up. They begin anew next month, or with a higher limit.")

func (s *Server) checkEmbedBudget(ctx context.Context, client chatconnect.ClientID) error {
	ctx, cancel := context.WithTimeout(ctx, s.timing.dependency)
	defer cancel()
	budget, err := s.Budgets.Budget(ctx, client)
	if err == nil && budget.Exhausted() {
		return errEmbedBudget
	}
	return err
}

// embed embeds the texts call by call. The client's budget is looked at before
// each and counts each as soon as it has been answered. A caller who leaves
// doesn't end a call that has begun: it is paid for, so it must be counted.
func (s *Server) embed(ctx context.Context, client chatconnect.ClientID, texts []string) (embedded, error) {
	calling, cancel := context.WithTimeout(context.WithoutCancel(ctx), embedTimeout)
	defer cancel()
	out := embedded{Model: s.Embedder.Model(), Dimensions: s.Embedder.Dimensions(), Vectors: make([][]float32, 0, len(texts))}
	for rest := texts; len(rest) > 0; {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		if client != "" && len(rest) < len(texts) {
			if err := s.checkEmbedBudget(calling, client); err != nil {
				return out, err
			}
		}
		n := oneCall(rest)
		embedding, err := s.Embedder.Embed(calling, client, rest[:n])
		if err != nil {
			return out, embedError(calling, err)
		}
		s.countEmbedding(calling, client, out.Model, embedding)
		out.Vectors = append(out.Vectors, embedding.Vectors...)
		out.Usage.InputTokens += embedding.Tokens
		rest = rest[n:]
	}
	return out, nil
}

// countEmbedding counts a call: what the provider was paid in the metrics, and
// all texts, cached or not, in the client's usage and budget. A process that
// dies before it has counted loses this one call's count.
func (s *Server) countEmbedding(ctx context.Context, client chatconnect.ClientID, model string, embedding chatconnect.Embedding) {
	spent := embedding.Spent(model)
	s.Metrics.Embedded(spent)
	if client == "" || embedding.Tokens == 0 {
		return
	}
	spent.Usage.InputTokens = embedding.Tokens
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timing.dependency)
	defer cancel()
	if err := s.Budgets.AddUsage(ctx, client, time.Now(), spent); err != nil {
		s.Logger.WarnContext(ctx, "usage of an embedding not counted", "tokens", embedding.Tokens, "error", err)
	}
}

func checkTexts(texts []string) error {
	if len(texts) == 0 || len(texts) > maxEmbedTexts {
		return chatconnect.Errorf(chatconnect.KindInvalid, "texts_invalid", "texts is a list of 1 to %d texts.", maxEmbedTexts)
	}
	for i, text := range texts {
		if n := utf8.RuneCountInString(text); n == 0 || n > maxEmbedRunes {
			return chatconnect.Errorf(chatconnect.KindInvalid, "text_length_invalid", "Text %d has %d characters; 1 to %d are possible.", i+1, n, maxEmbedRunes)
		}
	}
	return nil
}

// oneCall is how many of the texts go to the provider together, at least one.
func oneCall(texts []string) int {
	bytes := len(texts[0])
	for n := 1; n < len(texts); n++ {
		if bytes += len(texts[n]); n == embedTextsPerCall || bytes > embedBytesPerCall {
			return n
		}
	}
	return len(texts)
}

// embedError keeps a provider's limits apart from the caller's own: 429 is
// ours to say, so the provider's is 503. What it refuses for good is 502.
func embedError(ctx context.Context, err error) error {
	e := *chatconnect.AsError(err)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return withStatus(http.StatusGatewayTimeout, (&chatconnect.Error{
			Kind: chatconnect.KindUnavailable, Code: "embed_timeout", RetryAfter: retryAfterOutage,
			Message: "The embedding provider takes longer than expected. Please try again.",
		}).Because(err))
	case e.Kind == chatconnect.KindRateLimited, e.Kind == chatconnect.KindUnavailable:
		e.Kind = chatconnect.KindUnavailable
		if e.RetryAfter <= 0 {
			e.RetryAfter = retryAfterOutage
		}
		return &e
	case e.Kind == chatconnect.KindInternal && e.Code == chatconnect.CodeInternal:
		return err
	}
	return withStatus(http.StatusBadGateway, &e)
}
