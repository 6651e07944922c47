package password

import (
	"testing"

	"github.com/alexedwards/argon2id"
	"github.com/stretchr/testify/require"
)

func TestDecoyCostsWhatAHashCosts(t *testing.T) {
	t.Parallel()
	decoyParams, salt, key, err := argon2id.DecodeHash(decoy)
	require.NoError(t, err)
	require.Equal(t, params, decoyParams)
	require.Len(t, salt, 16)
	require.Len(t, key, 32)
}
