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

// embedUsage counts the provider's tokens; texts whose vectors were cached
// cost none.
type embedUsage struct {
	InputTokens int `json:"inputTokens"`
}

// postEmbed turns texts into the vectors that documents are searched by.
func (s *Server) postEmbed(c *gin.Context) {
	if owner := keyOwner(c); owner.KeyID != "" {
		if err := s.throttle(c, chatconnect.RateLimit{Key: string(owner.ClientID) + ":embed:key:" + string(owner.KeyID), PerMinute: chatLimit(owner.Tier)}); err != nil {
			s.fail(c, err)
			return
		}
	}
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
	ctx, cancel := context.WithTimeout(c.Request.Context(), embedTimeout)
	defer cancel()
	out := embedded{Model: s.Embedder.Model(), Dimensions: s.Embedder.Dimensions(), Vectors: make([][]float32, 0, len(in.Texts))}
	for rest := in.Texts; len(rest) > 0; {
		n := oneCall(rest)
		embedding, err := s.Embedder.Embed(ctx, rest[:n])
		if err != nil {
			s.fail(c, embedError(ctx, err))
			return
		}
		out.Vectors = append(out.Vectors, embedding.Vectors...)
		out.Usage.InputTokens += embedding.Tokens
		rest = rest[n:]
	}
	c.JSON(http.StatusOK, out)
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
