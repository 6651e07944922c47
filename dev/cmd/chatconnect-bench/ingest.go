package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/bench/rss"
	"github.com/chatconnect/chatconnect/cmd/chatconnect/app"
	"github.com/chatconnect/chatconnect/dev/stack"
	"github.com/chatconnect/chatconnect/internal/config"
)

const (
	largeBytes  = 10_000_000
	crowd       = 500 // files of the tenant that uploads many
	perRequest  = 50  // of them
	singles     = 5   // measured uploads of one file; the median counts
	crowdBudget = 10 * time.Minute
)

// benchIngestion measures documents. The worker is a process of its own; API,
// Temporal, Redis and Qdrant's stand-in are this one, PostgreSQL has its own.
func benchIngestion(ctx context.Context) error {
	return surround(ctx, newInstant(dimensions), func(ctx context.Context, surroundings *stack.Stack) (err error) {
		settings, err := config.Load(surroundings.Environ())
		if err != nil {
			return err
		}
		url, stop, err := start(ctx, settings, app.Roles{API: true})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
		worker, err := startWorker(ctx, surroundings.Environ())
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, worker.stop()) }()
		return measureIngestion(ctx, url, worker)
	})
}

func measureIngestion(ctx context.Context, url string, worker *process) error {
	many, err := newTenant(ctx, url)
	if err != nil {
		return err
	}
	one, err := newTenant(ctx, url)
	if err != nil {
		return err
	}
	fmt.Println("One worker, a provider that answers at once.")
	if err := warm(ctx, one); err != nil {
		return err
	}
	memory := rss.Start(worker.pid())
	err = measureLarge(ctx, one, worker)
	if err == nil {
		err = measureFairness(ctx, many, one, worker)
	}
	peak := memory.Stop()
	fmt.Printf("peak memory: worker %d MB, largest of %d parser children %d MB\n", peak.Process>>20, peak.Children, peak.Child>>20)
	return err
}

// Numbers of files, so that none is the same as another.
const (
	numbersWarm   = 10_000
	numbersLarge  = 20_000
	numbersIdle   = 30_000
	numbersBusy   = 40_000
	numbersCrowd  = 0
	formatsByTurn = 4
)

// warm has every format read once: compiled PDFium, connections, statements.
func warm(ctx context.Context, t *tenant) error {
	for i := range formatsByTurn {
		if _, _, err := t.timeToReady(ctx, mixed(numbersWarm+i)); err != nil {
			return err
		}
	}
	return nil
}

func measureLarge(ctx context.Context, t *tenant, worker *process) error {
	spent := worker.processorTime()
	took, d, err := t.timeToReady(ctx, textFile(numbersLarge, largeBytes))
	if err != nil {
		return err
	}
	fmt.Printf("10 MB of text: ready after %s, goal 6 s; %d chunks; %s; the worker's processor time %s\n",
		seconds(took), d.ChunksTotal, stages(d), seconds(worker.processorTime()-spent))
	return nil
}

// measureFairness compares one tenant's single file on the idle system with
// the same while another tenant's many files wait.
func measureFairness(ctx context.Context, many, one *tenant, worker *process) error {
	idle, err := measureSingles(ctx, one, numbersIdle)
	if err != nil {
		return err
	}
	began, spent := time.Now(), worker.processorTime()
	if err := uploadCrowd(ctx, many); err != nil {
		return err
	}
	uploaded := time.Since(began)
	counts, err := many.states(ctx)
	if err != nil {
		return err
	}
	readyBefore := counts[chatconnect.StatusReady]
	busy, err := measureSingles(ctx, one, numbersBusy)
	if err != nil {
		return err
	}
	counts, err = many.states(ctx)
	if err != nil {
		return err
	}
	readyAfter := counts[chatconnect.StatusReady]
	if err := waitForCrowd(ctx, many); err != nil {
		return err
	}
	total := time.Since(began)

	fmt.Printf("%d mixed files: uploaded in %s, all ready after %s, %.1f documents/s; the worker's processor time %s\n",
		crowd, seconds(uploaded), seconds(total), crowd/total.Seconds(), seconds(worker.processorTime()-spent))
	fmt.Printf("another tenant's one file (PDF, 4 pages), %d times each, while %d to %d of the %d were ready:\n", singles, readyBefore, readyAfter, crowd)
	fmt.Println("| | median | slowest | stages of the median |")
	fmt.Println("|---|---|---|---|")
	fmt.Printf("| idle | %s | %s | %s |\n", seconds(idle.median().took), seconds(idle.slowest().took), stages(idle.median().document))
	fmt.Printf("| busy | %s | %s | %s |\n", seconds(busy.median().took), seconds(busy.slowest().took), stages(busy.median().document))
	fmt.Printf("ratio of the medians %.1f, of the first busy one to the idle median %.1f; goal: 3\n",
		ratio(busy.median().took, idle.median().took), ratio(busy[0].took, idle.median().took))
	return nil
}

func ratio(a, b time.Duration) float64 { return a.Seconds() / b.Seconds() }

// single is one file's way.
type single struct {
	took     time.Duration
	document chatconnect.Document
}

type runs []single // in the order they were made

func (r runs) sorted() runs {
	return slices.SortedFunc(slices.Values(r), func(a, b single) int { return int(a.took - b.took) })
}

func (r runs) median() single  { return r.sorted()[len(r)/2] }
func (r runs) slowest() single { return r.sorted()[len(r)-1] }

func measureSingles(ctx context.Context, t *tenant, numbers int) (runs, error) {
	var all runs
	for i := range singles {
		took, d, err := t.timeToReady(ctx, pdfFile(numbers+i))
		if err != nil {
			return nil, err
		}
		all = append(all, single{took, d})
	}
	return all, nil
}

func uploadCrowd(ctx context.Context, t *tenant) error {
	for from := 0; from < crowd; from += perRequest {
		files := make([]file, 0, perRequest)
		for n := from; n < min(from+perRequest, crowd); n++ {
			files = append(files, mixed(numbersCrowd+n))
		}
		if _, err := t.upload(ctx, files...); err != nil {
			return err
		}
	}
	return nil
}

func waitForCrowd(ctx context.Context, t *tenant) error {
	ctx, cancel := context.WithTimeout(ctx, crowdBudget)
	defer cancel()
	for {
		counts, err := t.states(ctx)
		if err != nil {
			return err
		}
		if counts[chatconnect.StatusReady] == crowd {
			return nil
		}
		if counts[chatconnect.StatusFailed] > 0 {
			return fmt.Errorf("documents failed: %v", counts)
		}
		select {
		case <-time.After(250 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%w: %v", ctx.Err(), counts)
		}
	}
}

// stages tells how long each stage of a document took, and how long it waited
// between them.
func stages(d chatconnect.Document) string {
	var parts []string
	var working int64
	for _, s := range d.Stages {
		if s.Milliseconds == nil {
			continue
		}
		parts = append(parts, fmt.Sprintf("%s %d ms", s.Name, *s.Milliseconds))
		working += *s.Milliseconds
	}
	if len(d.Stages) > 0 {
		last := d.Stages[len(d.Stages)-1]
		if last.Milliseconds != nil {
			span := last.StartedAt.Sub(d.Stages[0].StartedAt).Milliseconds() + *last.Milliseconds
			parts = append(parts, fmt.Sprintf("between them %d ms", span-working))
		}
	}
	return strings.Join(parts, ", ")
}
