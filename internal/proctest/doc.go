// Package proctest measures processor time, which a busy or paused machine does
// not change, and freezes processes. For tests only.
package proctest
