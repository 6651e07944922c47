package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRun(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // it starts, and stops at once
	require.NoError(t, run(ctx, []string{"-listen", "127.0.0.1:0", "-faults", `[{"kind":"cut","count":1}]`}))

	require.ErrorContains(t, run(ctx, []string{"-mode", "odd"}), "mode")
	require.ErrorContains(t, run(ctx, []string{"-faults", "{"}), "-faults")
	require.Error(t, run(ctx, []string{"-nosuch"}))
}
