package workflows

import "go.temporal.io/sdk/workflow"

// inBatches calls run for 0 <= batch < count, each in a coroutine of its own,
// at most atOnce at a time. The first error cancels the others and is
// returned, once all have ended: what still ran would write behind the back of
// whoever cleans up.
func inBatches(ctx workflow.Context, count, atOnce int, run func(ctx workflow.Context, batch int) error) error {
	ctx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	free := workflow.NewSemaphore(ctx, int64(atOnce))
	running := workflow.NewWaitGroup(ctx)
	var failed error
	for batch := range count {
		err := free.Acquire(ctx, 1)
		if failed != nil {
			break // and cancelled the context, which is why err is set
		}
		if err != nil {
			failed = err
			break
		}
		running.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			if err := run(ctx, batch); err != nil && failed == nil {
				failed = err
				cancel()
			}
			// Not deferred: when a worker lets go of a workflow, the deferred calls
			// of all its coroutines run at the same time.
			free.Release(1)
			running.Done()
		})
	}
	disconnected, _ := workflow.NewDisconnectedContext(ctx)
	running.Wait(disconnected)
	return failed
}
