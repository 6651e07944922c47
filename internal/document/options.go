package document

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// Options of a Parser. Zero values mean the defaults.
type Options struct {
	// CacheDir keeps PDFium's compiled code between processes. It is made if
	// missing, and refused if others can write to it: what lies there is
	// executed. Default: chatconnect/pdfium in the user's cache directory, or
	// one of our own in the directory for temporary files.
	CacheDir string
	// TempDir is where the file lies while it is read. Default: os.TempDir().
	TempDir string
	// MemoryLimit bounds a child's memory (RLIMIT_DATA), in bytes. Default:
	// 450 MB; PDFium's compiler alone takes 320.
	MemoryLimit int64
	// Deadline is the longest time one document may take. Default: 60 s.
	Deadline time.Duration
	// MaxFileBytes is the largest file. Default: 64 MB.
	MaxFileBytes int64
	// MaxPages is the most pages a PDF may have. Default: 3000.
	MaxPages int
	// MaxTextBytes is the most text a document may yield. Default: 64 MB.
	MaxTextBytes int64
	// MaxBlocks is the most blocks (CSV rows, above all). Default: 1,000,000.
	MaxBlocks int
	// Parallel is how many children may run at a time; further calls of Parse
	// wait. Default: the number of processors.
	Parallel int
	// Logger takes warnings about damaged documents. Default: slog.Default().
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.CacheDir == "" {
		if base, err := os.UserCacheDir(); err == nil {
			o.CacheDir = filepath.Join(base, "chatconnect", "pdfium")
		} else {
			o.CacheDir = filepath.Join(os.TempDir(), fmt.Sprintf("chatconnect-pdfium-%d", os.Getuid()))
		}
	}
	setDefault(&o.MemoryLimit, 450<<20)
	setDefault(&o.Deadline, 60*time.Second)
	setDefault(&o.MaxFileBytes, 64<<20)
	setDefault(&o.MaxPages, 3000)
	setDefault(&o.MaxTextBytes, 64<<20)
	setDefault(&o.MaxBlocks, 1_000_000)
	setDefault(&o.Parallel, runtime.NumCPU())
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

func setDefault[T int | int64 | time.Duration](value *T, byDefault T) {
	if *value <= 0 {
		*value = byDefault
	}
}
