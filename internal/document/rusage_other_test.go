//go:build !linux

package document_test

func childrenPeakMB() (int64, bool) { return 0, false }
