// Package proctest holds what tests need to know of processes: what work costs
// by processor time, which a busy or paused machine does not change, and a
// process that stands still. For tests only.
package proctest
