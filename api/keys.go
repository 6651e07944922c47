package api

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
)

const (
	prefixPublishable = "pk_live_"
	prefixSecret      = "sk_live_"
	tokenRandom       = 32 // base62 characters, 190 bits
	tokenShown        = 4  // of them in APIKey.Prefix
	maxKeyLife        = 10 * 365 * 24 * time.Hour
)

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// newToken returns a key of uniformly distributed base62 characters.
func newToken(prefix string) (string, error) {
	const fair = 256 - 256%len(base62) // bytes from here on would favour the first letters
	token := []byte(prefix)
	var random [tokenRandom]byte
	for len(token) < len(prefix)+tokenRandom {
		if _, err := rand.Read(random[:]); err != nil {
			return "", fmt.Errorf("random key: %w", err)
		}
		for _, b := range random {
			if int(b) < fair && len(token) < len(prefix)+tokenRandom {
				token = append(token, base62[int(b)%len(base62)])
			}
		}
	}
	return string(token), nil
}

// wellFormed reports whether newToken could have made the key. No other needs
// to be looked up.
func wellFormed(token string) bool {
	random, found := strings.CutPrefix(token, prefixPublishable)
	if !found {
		random, found = strings.CutPrefix(token, prefixSecret)
	}
	return found && len(random) == tokenRandom && strings.Trim(random, base62) == ""
}

func (s *Server) getKeys(c *gin.Context) {
	client, _, err := s.memberOf(c, c.Param("clientId"))
	if err != nil {
		s.fail(c, err)
		return
	}
	keys, err := s.Clients.Keys(c.Request.Context(), client)
	if err != nil {
		s.fail(c, err)
		return
	}
	for i := range keys {
		if keys[i].Kind == chatconnect.KeySecret {
			keys[i].Token = "" // shown once, whatever the store remembers
		}
	}
	c.JSON(http.StatusOK, gin.H{"keys": notNil(keys)})
}

// postKey makes another key. The old ones go on working until they are
// revoked, which is how a key is rotated without an outage.
func (s *Server) postKey(c *gin.Context) {
	ctx := c.Request.Context()
	client, _, err := s.writerOf(c, c.Param("clientId"))
	if err != nil {
		s.fail(c, err)
		return
	}
	var in struct {
		Kind chatconnect.KeyKind `json:"kind"`
		Name string              `json:"name"`
		// ExpiresAt is when the key stops working; without one it works until it is
		// revoked.
		ExpiresAt *string `json:"expiresAt"`
	}
	if err := decodeJSON(c, maxBody, &in); err != nil {
		s.fail(c, err)
		return
	}
	prefix := prefixPublishable
	switch in.Kind {
	case chatconnect.KeyPublishable:
	case chatconnect.KeySecret:
		prefix = prefixSecret
	default:
		s.fail(c, chatconnect.Errorf(chatconnect.KindInvalid, "key_kind_invalid", "A key is publishable or secret."))
		return
	}
	name := "Key of " + time.Now().UTC().Format(time.DateOnly)
	if in.Name != "" {
		if name, err = validName(in.Name); err != nil {
			s.fail(c, err)
			return
		}
	}
	expiresAt, err := validExpiry(in.ExpiresAt, time.Now().UTC())
	if err != nil {
		s.fail(c, err)
		return
	}
	token, err := newToken(prefix)
	if err != nil {
		s.fail(c, err)
		return
	}
	hash := sha256.Sum256([]byte(token))
	key, err := s.Clients.CreateKey(ctx, client, chatconnect.APIKey{
		ID: chatconnect.APIKeyID(newID()), Kind: in.Kind, Name: name,
		Prefix: token[:len(prefix)+tokenShown], Token: token, CreatedAt: time.Now().UTC(), ExpiresAt: expiresAt,
	}, hash[:])
	if err != nil {
		s.fail(c, err)
		return
	}
	key.Token = token
	details := map[string]any{"kind": key.Kind, "name": key.Name, "prefix": key.Prefix}
	if expiresAt != nil {
		details["expiresAt"] = expiresAt.Format(time.RFC3339)
	}
	s.audit(c, client, "key.create", string(key.ID), details)
	c.JSON(http.StatusCreated, key)
}

// validExpiry reads a key's end: a time in the future, with its offset.
func validExpiry(text *string, now time.Time) (*time.Time, error) {
	if text == nil {
		return nil, nil //nolint:nilnil // no end was asked for
	}
	at, err := time.Parse(time.RFC3339, *text)
	if err != nil || !at.After(now) || at.Sub(now) > maxKeyLife {
		return nil, chatconnect.Errorf(chatconnect.KindInvalid, "expires_at_invalid",
			"expiresAt is a time in the future such as 2030-01-31T12:00:00Z, within ten years.")
	}
	at = at.UTC().Truncate(time.Microsecond) // what the database keeps
	return &at, nil
}

func (s *Server) deleteKey(c *gin.Context) {
	client, _, err := s.writerOf(c, c.Param("clientId"))
	if err != nil {
		s.fail(c, err)
		return
	}
	key := c.Param("keyId")
	if !chatconnect.ValidUUID(key) {
		s.fail(c, chatconnect.ErrNotFound)
		return
	}
	if err := s.Clients.RevokeKey(c.Request.Context(), client, chatconnect.APIKeyID(key)); err != nil {
		s.fail(c, err)
		return
	}
	s.keys.forget(client)
	s.audit(c, client, "key.revoke", key, nil)
	c.Status(http.StatusNoContent)
}
