package api

import (
	"encoding/json"
	"net/http"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
)

// errTierOperatorOnly: the tier decides limits and which model the operator
// pays for.
var errTierOperatorOnly = chatconnect.Errorf(chatconnect.KindForbidden, "tier_operator_only",
	"Only the operator of this installation changes the tier.")

// plan answers PATCH /internal/client/:clientId.
type plan struct {
	ClientID chatconnect.ClientID `json:"client_id"`
	Name     string               `json:"name"`
	Tier     chatconnect.Tier     `json:"tier"`
	// TokenCeiling is what holds, null for none; it is the tier's unless
	// OwnCeiling.
	TokenCeiling *int64 `json:"token_ceiling"`
	OwnCeiling   bool   `json:"own_ceiling"`
}

// patchPlan changes what only the operator does. A token_ceiling of null is the
// tier's again, and 0 sets none.
func (s *Server) patchPlan(c *gin.Context) {
	id := chatconnect.ClientID(c.Param("clientId"))
	if !chatconnect.ValidUUID(string(id)) {
		s.fail(c, chatconnect.ErrNotFound)
		return
	}
	var in struct {
		Tier         *chatconnect.Tier `json:"tier"`
		TokenCeiling json.RawMessage   `json:"token_ceiling"` // raw, because null means something else than absence
	}
	if err := decodeJSON(c, maxBody, &in); err != nil {
		s.fail(c, err)
		return
	}
	change := chatconnect.PlanChange{Tier: in.Tier}
	if in.Tier != nil && *in.Tier != chatconnect.TierFree && *in.Tier != chatconnect.TierPaid {
		s.fail(c, chatconnect.Errorf(chatconnect.KindInvalid, "tier_invalid", "A tier is free or paid."))
		return
	}
	if in.TokenCeiling != nil {
		ceiling := int64(chatconnect.TierCeiling)
		if string(in.TokenCeiling) != "null" {
			var err error
			if ceiling, err = optionalNumber(in.TokenCeiling, 0, maxTokenBudget, "token_ceiling", "ceiling_invalid"); err != nil {
				s.fail(c, err)
				return
			}
		}
		change.TokenCeiling = &ceiling
	}
	if change == (chatconnect.PlanChange{}) {
		s.fail(c, chatconnect.Errorf(chatconnect.KindInvalid, "plan_empty", "Send tier, token_ceiling or both."))
		return
	}
	client, err := s.Clients.SetPlan(c.Request.Context(), id, change, "internal api")
	if err != nil {
		s.fail(c, err)
		return
	}
	s.keys.forget(id)
	c.JSON(http.StatusOK, plan{
		ClientID: client.ID, Name: client.Name, Tier: client.Tier,
		TokenCeiling: client.TokenCeiling, OwnCeiling: client.OwnCeiling != nil,
	})
}
