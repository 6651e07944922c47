package schema

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
)

// scramVerifier returns what PostgreSQL stores of a password (RFC 5803), so
// that the password itself is in no statement and therefore in no server log.
func scramVerifier(password string, salt []byte) (string, error) {
	for i := range len(password) {
		// Other characters would have to be normalised first (SASLprep).
		if password[i] < 0x20 || password[i] > 0x7e {
			return "", errors.New("the password in DATABASE_URL must be ASCII for migrate to make the login; make it with \\password in psql")
		}
	}
	const iterations = 4096 // PostgreSQL's own default
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return "", err
	}
	sign := func(text string) []byte {
		mac := hmac.New(sha256.New, salted)
		mac.Write([]byte(text))
		return mac.Sum(nil)
	}
	stored := sha256.Sum256(sign("Client Key"))
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, encode(salt), encode(stored[:]), encode(sign("Server Key"))), nil
}
