package chatconnect

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"time"
)

// Registration says who may make an account.
type Registration string

const (
	RegistrationOpen   Registration = "open"   // everybody
	RegistrationInvite Registration = "invite" // people with an invitation
	RegistrationClosed Registration = "closed" // nobody, but for an installation's first account
)

// TokenPurpose is what the token in a link is good for.
type TokenPurpose string

const (
	PurposeInvitation   TokenPurpose = "invitation"
	PurposeVerification TokenPurpose = "verification"
)

// How long links work.
const (
	InvitationLifetime   = 7 * 24 * time.Hour
	VerificationLifetime = 24 * time.Hour
)

// AccountToken is what is known of a token that was sent to an address. Name
// and PasswordHash are those of the account that a verification makes.
type AccountToken struct {
	Purpose      TokenPurpose
	Email        string
	Name         string
	PasswordHash string
	ExpiresAt    time.Time
	Used         bool
}

// NewAccountToken returns an unguessable token and the hash that is kept of it.
func NewAccountToken() (token string, hash []byte) {
	random := make([]byte, sha256.Size)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	token = base64.RawURLEncoding.EncodeToString(random)
	return token, AccountTokenHash(token)
}

// AccountTokenHash is what is kept of a token: 256 random bits need no salt.
func AccountTokenHash(token string) []byte {
	hash := sha256.Sum256([]byte(token))
	return hash[:]
}

// Errors of registrations.
var (
	ErrRegistrationClosed = Errorf(KindForbidden, "registration_closed", "New accounts can't be made here. Ask the operator of this installation for one.")
	ErrInvitationRequired = Errorf(KindForbidden, "invitation_required", "A new account needs an invitation. Ask the operator of this installation for one.")
	ErrInvitationInvalid  = Errorf(KindForbidden, "invitation_invalid", "This invitation has expired, was used already or is for another address. Ask for a new one.")
	ErrVerificationDead   = Errorf(KindForbidden, "verification_invalid", "This link has expired or was used already. Log in, or register again for a new one.")
)
