package api

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/telemetry"
	"github.com/chatconnect/chatconnect/temporal"
)

// maxClients is how many clients one user may be in when creating another.
const maxClients = 100

func (s *Server) getClients(c *gin.Context) {
	clients, err := s.Users.Clients(c.Request.Context(), userID(c))
	if err != nil {
		s.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, gin.H{"clients": notNil(clients)})
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
	existing, err := s.Users.Clients(ctx, userID(c))
	if err != nil {
		s.fail(c, err)
		return
	}
	if len(existing) >= maxClients {
		s.fail(c, chatconnect.Errorf(chatconnect.KindConflict, "clients_limit", "You already have %d clients, the most there can be.", len(existing)))
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
	client.Role = role
	c.JSON(http.StatusOK, client)
}

func (s *Server) patchClient(c *gin.Context) {
	id, role, err := s.writerOf(c, c.Param("clientId"))
	if err != nil {
		s.fail(c, err)
		return
	}
	var in struct {
		Name *string           `json:"name"`
		Tier *chatconnect.Tier `json:"tier"`
	}
	if err := decodeJSON(c, maxBody, &in); err != nil {
		s.fail(c, err)
		return
	}
	patch, details := chatconnect.ClientPatch{Tier: in.Tier}, map[string]any{}
	if in.Name != nil {
		name, err := validName(*in.Name)
		if err != nil {
			s.fail(c, err)
			return
		}
		patch.Name, details["name"] = &name, name
	}
	if in.Tier != nil {
		if *in.Tier != chatconnect.TierFree && *in.Tier != chatconnect.TierPaid {
			s.fail(c, chatconnect.Errorf(chatconnect.KindInvalid, "tier_invalid", "A tier is free or paid."))
			return
		}
		details["tier"] = *in.Tier
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
