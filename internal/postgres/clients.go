package postgres

import (
	"context"
	"crypto/sha256"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/postgres/sqlcgen"
)

// CreateClient takes the publishable key that the caller generated, and gives
// the client an ID and the free tier if it has none.
func (s *Store) CreateClient(ctx context.Context, client chatconnect.Client, owner chatconnect.UserID) (chatconnect.Client, error) {
	if err := checkID(owner); err != nil {
		return chatconnect.Client{}, err
	}
	client.ID = orNewID(client.ID)
	if client.Tier == "" {
		client.Tier = chatconnect.TierFree
	}
	token := client.PublishableKey
	hash := sha256.Sum256([]byte(token))
	key := keyParams(client.ID, chatconnect.APIKey{
		Kind: chatconnect.KeyPublishable, Name: "Website", Prefix: token[:min(12, len(token))], Token: token,
	}, hash[:])

	var row sqlcgen.Client
	err := s.inTenant(ctx, client.ID, func(q *sqlcgen.Queries) (err error) {
		if err := s.checkClients(ctx, q, owner); err != nil {
			return err
		}
		row, err = q.CreateClient(ctx, sqlcgen.CreateClientParams{ID: client.ID, Name: clean(client.Name), Tier: client.Tier})
		if err != nil {
			return err
		}
		err = q.CreateMembership(ctx, sqlcgen.CreateMembershipParams{
			ClientID: client.ID, UserID: owner, Role: chatconnect.RoleOwner,
		})
		if err != nil {
			return err
		}
		if _, err := q.SaveWidget(ctx, widgetParams(client.ID, chatconnect.DefaultWidgetConfig())); err != nil {
			return err
		}
		_, err = q.CreateKey(ctx, key)
		return err
	})
	if err != nil {
		return chatconnect.Client{}, err
	}
	created := s.toClient(row, token)
	created.Role = chatconnect.RoleOwner
	return created, nil
}

func (s *Store) Client(ctx context.Context, id chatconnect.ClientID) (chatconnect.Client, error) {
	queries, err := s.tenant(id)
	if err != nil {
		return chatconnect.Client{}, err
	}
	row, err := queries.Client(ctx, id)
	if err != nil {
		return chatconnect.Client{}, storeError(err)
	}
	return s.toClient(row.Client, row.PublishableKey), nil
}

func (s *Store) UpdateClient(ctx context.Context, id chatconnect.ClientID, patch chatconnect.ClientPatch) (chatconnect.Client, error) {
	params := sqlcgen.UpdateClientParams{ID: id, Model: patch.Model, TokenBudget: patch.TokenBudget, RetentionDays: patch.RetentionDays}
	if patch.Name != nil {
		name := clean(*patch.Name)
		params.Name = &name
	}
	var row sqlcgen.ClientRow
	err := s.inTenant(ctx, id, func(q *sqlcgen.Queries) (err error) {
		changed, err := q.UpdateClient(ctx, params)
		if err != nil {
			return err
		}
		if changed == 0 {
			return chatconnect.ErrNotFound
		}
		row, err = q.Client(ctx, id)
		return err
	})
	if err != nil {
		return chatconnect.Client{}, err
	}
	return s.toClient(row.Client, row.PublishableKey), nil
}

// Audit appends to the client's audit trail.
func (s *Store) Audit(ctx context.Context, event chatconnect.AuditEvent) error {
	queries, err := s.tenant(event.ClientID)
	if err != nil {
		return err
	}
	details, err := jsonObject(event.Details)
	if err != nil {
		return err
	}
	params := sqlcgen.CreateAuditEventParams{
		ClientID: event.ClientID, Action: clip(event.Action, 100), Target: clip(event.Target, 500), Details: details,
	}
	if event.UserID != "" {
		if err := checkID(event.UserID); err != nil {
			return err
		}
		params.UserID = &event.UserID
	}
	return storeError(queries.CreateAuditEvent(ctx, params))
}

func (s *Store) toClient(row sqlcgen.Client, publishableKey string) chatconnect.Client {
	client := chatconnect.Client{
		ID: row.ID, Name: row.Name, Tier: row.Tier, PublishableKey: publishableKey,
		Model: row.Model, TokenBudget: row.MonthlyTokenBudget, RetentionDays: row.RetentionDays,
		CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt, OwnCeiling: row.TokenCeiling,
	}
	ceiling := s.allowance.DefaultCeiling(row.Tier)
	if row.TokenCeiling != nil {
		ceiling = *row.TokenCeiling
	}
	if ceiling > 0 {
		client.TokenCeiling = &ceiling
	}
	return client
}
