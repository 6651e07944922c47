package stack

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// secret returns the secret of that name, made at its first use and kept for
// later starts: a session or an integration set up yesterday works today.
func (h *home) secret(name string) (string, error) {
	file := h.path("secrets", name)
	content, err := os.ReadFile(file)
	if err == nil {
		if value := strings.TrimSpace(string(content)); value != "" {
			return value, nil
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("secret: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return "", fmt.Errorf("secret: %w", err)
	}
	value := rand.Text() + rand.Text() // 52 characters, 260 bits
	if err := os.WriteFile(file, []byte(value+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("secret: %w", err)
	}
	return value, nil
}
