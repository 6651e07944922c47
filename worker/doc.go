// Package worker runs the workflows and activities: registration, worker
// options, and the sweeper that makes sure no document waits for ever.
package worker
