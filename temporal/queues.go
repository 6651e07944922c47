package temporal

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// Queue is a task queue, with the types of task that it has.
type Queue struct {
	Name  string
	types []enumspb.TaskQueueType
}

// Queues are all task queues, the one that visitors wait for first.
func Queues() []Queue {
	both := []enumspb.TaskQueueType{enumspb.TASK_QUEUE_TYPE_WORKFLOW, enumspb.TASK_QUEUE_TYPE_ACTIVITY}
	activities := both[1:]
	return []Queue{{QueueChat, both}, {QueueIngestion, both}, {QueueParsing, activities}, {QueueEmbedding, activities}}
}

// QueueState is what Temporal says of a queue.
type QueueState struct {
	Backlog   int64         // tasks that wait, approximately
	OldestAge time.Duration // how long the first of them has waited
	// Pollers are the worker processes that polled within the last minutes,
	// each with the last time. A poll takes up to a minute when there is
	// nothing to do, so a healthy worker may have been silent for as long.
	Pollers map[string]time.Time
}

// errNoStats is from servers before 1.28.
var errNoStats = errors.New("this Temporal server reports no backlog")

// DescribeQueue asks for the state of a queue.
func DescribeQueue(ctx context.Context, c client.Client, namespace string, queue Queue) (QueueState, error) {
	state := QueueState{Pollers: map[string]time.Time{}}
	for _, kind := range queue.types {
		answer, err := c.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
			Namespace: namespace, TaskQueue: &taskqueuepb.TaskQueue{Name: queue.Name}, TaskQueueType: kind, ReportStats: true,
		})
		if err != nil {
			return QueueState{}, fmt.Errorf("describe task queue %s: %w", queue.Name, err)
		}
		if answer.GetStats() == nil {
			return QueueState{}, errNoStats
		}
		state.Backlog += answer.GetStats().GetApproximateBacklogCount()
		state.OldestAge = max(state.OldestAge, answer.GetStats().GetApproximateBacklogAge().AsDuration())
		for _, poller := range answer.GetPollers() {
			if at := poller.GetLastAccessTime().AsTime(); at.After(state.Pollers[poller.GetIdentity()]) {
				state.Pollers[poller.GetIdentity()] = at
			}
		}
	}
	return state, nil
}
