package password

import (
	"encoding/base64"
	"fmt"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/unicode/norm"
)

// params are OWASP's second recommendation for Argon2id (Password Storage Cheat
// Sheet): 19 MiB, two passes, one lane.
var params = &argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// decoy is compared with when there is no such account, so that the answer
// takes as long as for a wrong password: no salt and no key, but the same cost.
var decoy = fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s",
	params.Memory, params.Iterations, params.Parallelism,
	base64.RawStdEncoding.EncodeToString(make([]byte, params.SaltLength)),
	base64.RawStdEncoding.EncodeToString(make([]byte, params.KeyLength)))

// Hash returns an argon2id hash in PHC form, as UserStore keeps it.
func Hash(password string) (string, error) {
	return argon2id.CreateHash(norm.NFC.String(password), params)
}

// Matches compares in constant time; an empty hash stands for no account: it
// takes as long and never matches.
func Matches(password, hash string) (bool, error) {
	known := hash != ""
	if !known {
		hash = decoy
	}
	match, err := argon2id.ComparePasswordAndHash(norm.NFC.String(password), hash)
	if err != nil {
		return false, fmt.Errorf("compare password: %w", err)
	}
	return match && known, nil
}
