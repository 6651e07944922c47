package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/temporal"
)

func TestPrintJanitor(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		result temporal.JanitorResult
		want   string
	}{
		{
			temporal.JanitorResult{Blobs: 3, Points: 20, Revisions: 2, Documents: 1},
			"Looked at 3 files, 20 points, 2 active revisions and 1 documents under way.\nNothing found.\n",
		},
		{
			temporal.JanitorResult{DryRun: true, Findings: []temporal.Finding{
				{Kind: "orphan_blob", Action: "none", Count: 2}, {Kind: "stuck_document", Action: "reported", Count: 12},
			}},
			"Looked at 0 files, 0 points, 0 active revisions and 0 documents under way.\nThis was a dry run: nothing was changed.\n" +
				"orphan_blob     none      2\nstuck_document  reported  12\n",
		},
	} {
		var out bytes.Buffer
		require.NoError(t, printJanitor(&out, &test.result))
		require.Equal(t, test.want, out.String())
	}
}
