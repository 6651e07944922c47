// Package pdf reads the text of PDF files, page by page, with PDFium compiled
// to WebAssembly.
//
// It expects to run in the parser's child process: PDFium's run time is not
// bounded here, only its memory. It imports the domain and the document
// helpers.
package pdf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// wasmPages bounds PDFium's linear memory: 4096 pages of 64 KiB, 256 MiB.
const wasmPages = 4096

// Engine is one PDFium instance. It opens files only while it starts.
type Engine struct {
	pdfium.Pdfium
	pool  pdfium.Pool
	cache wazero.CompilationCache
}

// Start compiles PDFium, or loads it from cacheDir if it was compiled before,
// and makes an instance. With an empty cacheDir it compiles each time (3 s).
func Start(ctx context.Context, cacheDir string) (*Engine, error) {
	config := wazero.NewRuntimeConfig().
		WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling).
		WithMemoryLimitPages(wasmPages)
	e := &Engine{}
	if cacheDir != "" {
		cache, err := wazero.NewCompilationCacheWithDir(cacheDir)
		if err != nil {
			return nil, fmt.Errorf("open compilation cache: %w", err)
		}
		e.cache = cache
		config = config.WithCompilationCache(cache)
	}
	pool, err := webassembly.Init(webassembly.Config{
		Context: ctx, MinIdle: 1, MaxIdle: 1, MaxTotal: 1,
		RuntimeConfig: config,
		FSConfig:      wazero.NewFSConfig(), // the default mounts / into the sandbox
		Stdout:        io.Discard,
		Stderr:        io.Discard,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start pdfium: %w", err), e.Stop(ctx))
	}
	e.pool = pool
	if e.Pdfium, err = pool.GetInstance(30 * time.Second); err != nil {
		return nil, errors.Join(fmt.Errorf("start pdfium instance: %w", err), e.Stop(ctx))
	}
	return e, nil
}

// Stop gives everything back.
func (e *Engine) Stop(ctx context.Context) error {
	var errs []error
	if e.Pdfium != nil {
		errs = append(errs, e.Close())
	}
	if e.pool != nil {
		errs = append(errs, e.pool.Close())
	}
	if e.cache != nil {
		errs = append(errs, e.cache.Close(ctx))
	}
	return errors.Join(errs...)
}

// Warm compiles PDFium into cacheDir, so that the first document needn't wait
// for it.
func Warm(ctx context.Context, cacheDir string) error {
	e, err := Start(experimental.WithCompilationWorkers(ctx, 2), cacheDir)
	if err != nil {
		return err
	}
	return e.Stop(ctx)
}
