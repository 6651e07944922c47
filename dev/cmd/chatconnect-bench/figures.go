package main

import (
	"fmt"
	"slices"
	"time"
)

// quantile is the p-quantile of a sample that isn't empty, by nearest rank.
func quantile(durations []time.Duration, p float64) time.Duration {
	sorted := slices.Sorted(slices.Values(durations))
	return sorted[int(p*float64(len(sorted)-1)+.5)]
}

// ms is the p-quantile in milliseconds.
func ms(durations []time.Duration, p float64) string {
	if len(durations) == 0 {
		return "none"
	}
	return fmt.Sprintf("%.1f ms", float64(quantile(durations, p))/float64(time.Millisecond))
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
