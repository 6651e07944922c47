package redis

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"time"
)

// What is kept: strings small enough to be state rather than cached content,
// that live long enough to be missed.
const (
	maxKeptValue = 4096 // bytes
	minKeptTTL   = time.Minute
)

// snapshot maps keys to what is kept of them.
type snapshot map[string]entry

type entry struct {
	Value   []byte    `json:"value"`
	Expires time.Time `json:"expires,omitzero"`
}

// equal ignores the jitter of expiry times, which are read off a clock that
// ticks.
func (s snapshot) equal(other snapshot) bool {
	return maps.EqualFunc(s, other, func(a, b entry) bool {
		return bytes.Equal(a.Value, b.Value) && a.Expires.Sub(b.Expires).Abs() < time.Second
	})
}

// take reads the values to keep. Keys may change between the reads; each is
// taken as it is then, or left out when it is gone.
func (s *Server) take() snapshot {
	db := s.redis.DB(0)
	now := time.Now()
	kept := snapshot{}
	for _, key := range db.Keys() {
		if db.Type(key) != "string" {
			continue
		}
		ttl := db.TTL(key)
		if ttl != 0 && ttl < minKeptTTL {
			continue
		}
		value, err := db.Get(key)
		if err != nil || len(value) > maxKeptValue {
			continue
		}
		e := entry{Value: []byte(value)}
		if ttl != 0 {
			e.Expires = now.Add(ttl)
		}
		kept[key] = e
	}
	return kept
}

// save replaces the file whole, so that a kill leaves the old one or the new.
func (s *Server) save(kept snapshot) error {
	content, err := json.Marshal(kept)
	if err != nil {
		return fmt.Errorf("redis snapshot: %w", err)
	}
	temporary := s.file + ".new"
	if err := os.WriteFile(temporary, content, 0o600); err != nil {
		return fmt.Errorf("redis snapshot: %w", err)
	}
	if err := os.Rename(temporary, s.file); err != nil {
		return fmt.Errorf("redis snapshot: %w", err)
	}
	return nil
}

// load fills the server before it starts to listen.
func (s *Server) load() error {
	content, err := os.ReadFile(s.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var kept snapshot
	if err := json.Unmarshal(content, &kept); err != nil {
		return fmt.Errorf("%s: %w", s.file, err)
	}
	db := s.redis.DB(0)
	for key, e := range kept {
		ttl := time.Until(e.Expires)
		if !e.Expires.IsZero() && ttl <= 0 {
			continue
		}
		if err := db.Set(key, string(e.Value)); err != nil {
			return fmt.Errorf("%s: %w", s.file, err)
		}
		if !e.Expires.IsZero() {
			db.SetTTL(key, ttl)
		}
	}
	return nil
}
