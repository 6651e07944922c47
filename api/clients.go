package api

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/telemetry"
	"github.com/chatconnect/chatconnect/temporal"
)

func (s *Server) getClients(c *gin.Context) {
	clients, err := s.Users.Clients(c.Request.Context(), userID(c))
	if err != nil {
		s.fail(c, err)
		return
	}
	owned := chatconnect.Quota{}
	for _, client := range clients {
		if client.Role == chatconnect.RoleOwner {
			owned.Used++
		}
	}
	if limit := int64(s.Allowance.Clients); limit > 0 {
		owned.Limit = &limit
	}
	c.JSON(http.StatusOK, gin.H{
		"clients": notNil(clients), "models": notNil(s.Models), "paidModels": notNil(s.PaidModels), "quotas": gin.H{"clients": owned},
	})
}

func (s *Server) postClient(c *gin.Context) {
	ctx := c.Request.Context()
	var in struct {
		Name string `json:"name"`
	}
	if err := decodeJSON(c, maxBody, &in); err != nil {
		s.fail(c, err)
		return
	}
	name, err := validName(in.Name)
	if err != nil {
		s.fail(c, err)
		return
	}
	token, err := newToken(prefixPublishable)
	if err != nil {
		s.fail(c, err)
		return
	}
	now := time.Now().UTC()
	client, err := s.Clients.CreateClient(ctx, chatconnect.Client{
		ID: chatconnect.ClientID(newID()), Name: name, Tier: chatconnect.TierFree,
		PublishableKey: token, CreatedAt: now, UpdatedAt: now,
	}, userID(c))
	if err != nil {
		s.fail(c, err)
		return
	}
	client.Role = chatconnect.RoleOwner
	s.audit(c, client.ID, "client.create", string(client.ID), map[string]any{"name": client.Name})
	c.Header("Location", "/api/dashboard/clients/"+string(client.ID))
	c.JSON(http.StatusCreated, client)
}

func (s *Server) getClient(c *gin.Context) {
	id, role, err := s.memberOf(c, c.Param("clientId"))
	if err != nil {
		s.fail(c, err)
		return
	}
	client, err := s.Clients.Client(c.Request.Context(), id)
	if err != nil {
		s.fail(c, err)
		return
	}
	quotas, err := s.Clients.Quotas(c.Request.Context(), id)
	if err != nil {
		s.fail(c, err)
		return
	}
	client.Role = role
	c.JSON(http.StatusOK, struct {
		chatconnect.Client
		Quotas chatconnect.Quotas `json:"quotas"`
	}{client, quotas})
}

func (s *Server) patchClient(c *gin.Context) {
	id, role, err := s.writerOf(c, c.Param("clientId"))
	if err != nil {
		s.fail(c, err)
		return
	}
	var in struct {
		Name *string         `json:"name"`
		Tier json.RawMessage `json:"tier"`
		// Raw, because null means something else than absence.
		Model         json.RawMessage `json:"model"`
		TokenBudget   json.RawMessage `json:"tokenBudget"`
		RetentionDays json.RawMessage `json:"retentionDays"`
	}
	if err := decodeJSON(c, maxBody, &in); err != nil {
		s.fail(c, err)
		return
	}
	patch, details := chatconnect.ClientPatch{}, map[string]any{}
	if in.Tier != nil {
		s.fail(c, errTierOperatorOnly)
		return
	}
	if in.Name != nil {
		name, err := validName(*in.Name)
		if err != nil {
			s.fail(c, err)
			return
		}
		patch.Name, details["name"] = &name, name
	}
	if in.Model != nil {
		model, err := s.validModel(c.Request.Context(), id, in.Model)
		if err != nil {
			s.fail(c, err)
			return
		}
		patch.Model, details["model"] = &model, model
	}
	if in.TokenBudget != nil {
		budget, err := optionalNumber(in.TokenBudget, 1, maxTokenBudget, "tokenBudget", "budget_invalid")
		if err != nil {
			s.fail(c, err)
			return
		}
		patch.TokenBudget, details["tokenBudget"] = &budget, budget
	}
	if in.RetentionDays != nil {
		number, err := optionalNumber(in.RetentionDays, 1, chatconnect.MaxRetentionDays, "retentionDays", "retention_invalid")
		if err != nil {
			s.fail(c, err)
			return
		}
		days := int(number)
		patch.RetentionDays, details["retentionDays"] = &days, days
	}
	client, err := s.Clients.UpdateClient(c.Request.Context(), id, patch)
	if err != nil {
		s.fail(c, err)
		return
	}
	s.keys.forget(id)
	if len(details) > 0 {
		s.audit(c, id, "client.update", string(id), details)
	}
	client.Role = role
	c.JSON(http.StatusOK, client)
}

// maxTokenBudget stays exact in JavaScript.
const maxTokenBudget = 1 << 52

// optionalNumber returns 0 for null: there is no limit then.
func optionalNumber(raw json.RawMessage, least, most int64, field, code string) (int64, error) {
	if string(raw) == "null" {
		return 0, nil
	}
	var n int64
	if err := json.Unmarshal(raw, &n); err != nil || n < least || n > most {
		return 0, chatconnect.Errorf(chatconnect.KindInvalid, code, "%s is a number from %d to %d, or null for no limit.", field, least, most)
	}
	return n, nil
}

// modelName is what providers call their models: gpt-4o-mini,
// meta-llama/Llama-3.1-8B, llama3.2:3b.
var modelName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}$`)

// validModel returns "" for null: the tier's model answers then.
func (s *Server) validModel(ctx context.Context, id chatconnect.ClientID, raw json.RawMessage) (string, error) {
	if string(raw) == "null" {
		return "", nil
	}
	var name string
	if err := json.Unmarshal(raw, &name); err != nil || name != "" && !modelName.MatchString(name) {
		return "", chatconnect.Errorf(chatconnect.KindInvalid, "model_invalid", "model is a model's name such as gpt-4o-mini, or null for the tier's.")
	}
	if name == "" || slices.Contains(s.Models, name) {
		return name, nil
	}
	client, err := s.Clients.Client(ctx, id)
	if err != nil {
		return "", err
	}
	allowed := s.Models
	if client.Tier == chatconnect.TierPaid {
		allowed = slices.Concat(s.Models, s.PaidModels)
	}
	switch {
	case slices.Contains(allowed, name):
		return name, nil
	case len(allowed) == 0:
		return "", chatconnect.Errorf(chatconnect.KindInvalid, "model_not_allowed", "No model can be chosen: none is set up.")
	}
	return "", chatconnect.Errorf(chatconnect.KindInvalid, "model_not_allowed", "This model can't be chosen. The operator allows: %s.", strings.Join(allowed, ", "))
}

// deleteClient makes the client disappear at once, and has a workflow remove
// what every store keeps of it. Asked again before that has ended, it answers
// the same; after that the client does not exist.
func (s *Server) deleteClient(c *gin.Context) {
	id := chatconnect.ClientID(c.Param("clientId"))
	if !chatconnect.ValidUUID(string(id)) {
		s.fail(c, chatconnect.ErrNotFound)
		return
	}
	c.Request = c.Request.WithContext(telemetry.WithClientID(c.Request.Context(), id))
	ctx := c.Request.Context()
	if err := s.Clients.BeginPurge(ctx, id, userID(c)); err != nil {
		s.fail(c, err)
		return
	}
	s.keys.forget(id)
	s.Logger.InfoContext(ctx, "deletion of a client requested", "user_id", userID(c))
	s.startCommand(ctx, "purge client", func(ctx context.Context) error {
		return temporal.StartPurge(ctx, s.Temporal, &temporal.PurgeInput{ClientID: id})
	})
	c.JSON(http.StatusAccepted, gin.H{"clientId": id, "status": chatconnect.StatusDeleting})
}

// notNil makes an empty list an empty list in JSON, not null.
func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
