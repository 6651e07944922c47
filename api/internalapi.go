package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
)

// validation answers POST /internal/validate-client.
type validation struct {
	Valid    bool                 `json:"valid"`
	ClientID chatconnect.ClientID `json:"client_id"`
	Name     string               `json:"name,omitempty"`
	Tier     chatconnect.Tier     `json:"tier,omitempty"`
	KeyKind  chatconnect.KeyKind  `json:"key_kind,omitempty"`
}

// postValidateClient says whether a client exists and, with api_key, whether
// that key is one of its own.
func (s *Server) postValidateClient(c *gin.Context) {
	ctx := c.Request.Context()
	var in struct {
		ClientID string `json:"client_id"`
		APIKey   string `json:"api_key"`
	}
	if err := decodeJSON(c, maxBody, &in); err != nil {
		s.fail(c, err)
		return
	}
	if in.ClientID == "" {
		s.fail(c, chatconnect.Errorf(chatconnect.KindInvalid, "client_id_missing", "client_id is missing."))
		return
	}
	id := chatconnect.ClientID(in.ClientID)
	out := validation{ClientID: id}
	if !chatconnect.ValidUUID(in.ClientID) {
		c.JSON(http.StatusOK, out)
		return
	}
	client, err := s.Clients.Client(ctx, id)
	if errors.Is(err, chatconnect.ErrNotFound) {
		c.JSON(http.StatusOK, out)
		return
	}
	if err != nil {
		s.fail(c, err)
		return
	}
	if in.APIKey != "" {
		owner, err := s.keys.owner(ctx, in.APIKey, nil) // asked by our own servers: no guess
		if err != nil && !errors.Is(err, chatconnect.ErrAPIKeyInvalid) {
			s.fail(c, err)
			return
		}
		if err != nil || owner.ClientID != id {
			c.JSON(http.StatusOK, out)
			return
		}
		out.KeyKind = owner.Kind
	}
	out.Valid, out.Name, out.Tier = true, client.Name, client.Tier
	c.JSON(http.StatusOK, out)
}

// internalConfig answers GET /internal/client/:clientId/config.
type internalConfig struct {
	ClientID           chatconnect.ClientID `json:"client_id"`
	Name               string               `json:"name"`
	Tier               chatconnect.Tier     `json:"tier"`
	RateLimitPerMinute int                  `json:"rate_limit_per_minute"`
	LLM                internalLLM          `json:"llm"`
	Widget             internalWidget       `json:"widget"`
}

// internalLLM describes how a client's questions are answered. Temperature is
// null for a model that is asked without one; the budget's fields are null
// without a limit.
type internalLLM struct {
	Provider    string           `json:"provider"`
	Model       string           `json:"model"`
	Tier        chatconnect.Tier `json:"tier"`
	Temperature *float64         `json:"temperature"`
	Budget      *int64           `json:"token_budget"`
	BudgetLeft  *int64           `json:"budget_left"`
}

func (s *Server) internalLLM(ctx context.Context, client chatconnect.Client) (internalLLM, error) {
	choice := s.ModelChoice(client.Tier, client.Model)
	out := internalLLM{Provider: choice.Provider, Model: choice.Model, Tier: client.Tier, Temperature: choice.Temperature}
	budget, err := s.monthsBudget(ctx, client.ID)
	if err == nil && budget != nil {
		out.Budget, out.BudgetLeft = &budget.Limit, &budget.left
	}
	return out, err
}

type internalWidget struct {
	Title              string   `json:"title"`
	Greeting           string   `json:"greeting"`
	Placeholder        string   `json:"placeholder"`
	SuggestedQuestions []string `json:"suggested_questions"`
	PrimaryColor       string   `json:"primary_color"`
	Position           string   `json:"position"`
	ColorScheme        string   `json:"color_scheme"`
	Locale             string   `json:"locale"`
	LauncherText       string   `json:"launcher_text"`
	LauncherIcon       string   `json:"launcher_icon"`
	AvatarURL          string   `json:"avatar_url"`
	AllowedDomains     []string `json:"allowed_domains"`
}

func (s *Server) getClientConfig(c *gin.Context) {
	id := c.Param("clientId")
	if !chatconnect.ValidUUID(id) {
		s.fail(c, chatconnect.ErrNotFound)
		return
	}
	client, err := s.Clients.Client(c.Request.Context(), chatconnect.ClientID(id))
	if err != nil {
		s.fail(c, err)
		return
	}
	widget, err := s.Clients.Widget(c.Request.Context(), client.ID)
	if err != nil {
		s.fail(c, err)
		return
	}
	llm, err := s.internalLLM(c.Request.Context(), client)
	if err != nil {
		s.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, internalConfig{
		ClientID: client.ID, Name: client.Name, Tier: client.Tier, RateLimitPerMinute: chatLimit(client.Tier),
		LLM: llm, Widget: internalWidget(wholeWidget(widget)),
	})
}
