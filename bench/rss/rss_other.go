//go:build !linux

package rss

func peakOf(int) (int64, bool) { return 0, false }

func childrenOf(int) []int { return nil }
