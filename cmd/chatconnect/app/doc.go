// Package app puts ChatConnect together: one runnable App that the production
// binary, the dev stack and the end-to-end tests share, so that what is
// tested is what runs.
package app
