// Package e2e tests ChatConnect from outside: over HTTP, on the embedded
// stack (real Temporal, real PostgreSQL), with the parts killed that may die.
package e2e
