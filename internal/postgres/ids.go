package postgres

import (
	"github.com/google/uuid"

	chatconnect "github.com/chatconnect/chatconnect"
)

// checkID returns ErrNotFound for what can't be an id: nothing has it.
func checkID[T ~string](id T) error {
	if !chatconnect.ValidUUID(string(id)) {
		return chatconnect.ErrNotFound
	}
	return nil
}

// orNewID returns id, or a random one if the caller has not chosen.
func orNewID[T ~string](id T) T {
	if id != "" {
		return id
	}
	return T(uuid.NewString())
}
