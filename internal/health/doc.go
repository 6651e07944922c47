// Package health probes what an installation depends on: databases and the
// like, and Temporal's task queues with the workers that poll them.
//
// It imports the domain and temporal, no other adapter: cmd gives it the
// probes.
package health
