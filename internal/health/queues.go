package health

import (
	"cmp"
	"context"
	"slices"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

// unattendedAfter is how long ago the last poll of a queue may be. A poll that
// finds nothing takes Temporal a minute.
const unattendedAfter = 2 * time.Minute

// queues are the states of all task queues and of those that poll them.
type queues struct {
	states  []chatconnect.QueueHealth
	workers []chatconnect.WorkerHealth
}

// QueueStates returns the states of all task queues.
func (m *Monitor) QueueStates(ctx context.Context) []chatconnect.QueueHealth {
	return m.probedQueues(ctx).states
}

func (m *Monitor) probedQueues(ctx context.Context) queues {
	if m.options.Queue == nil {
		return queues{states: []chatconnect.QueueHealth{}, workers: []chatconnect.WorkerHealth{}}
	}
	return m.queues.get(ctx, m.probeQueues)
}

func (m *Monitor) probeQueues(ctx context.Context) queues {
	outcomes := all(ctx, temporal.Queues(), m.options.Queue)
	result := queues{workers: []chatconnect.WorkerHealth{}}
	workers := map[string]*chatconnect.WorkerHealth{}
	for i, queue := range temporal.Queues() {
		state := chatconnect.QueueHealth{Name: queue.Name, Status: chatconnect.QueueUnknown}
		m.logChange(ctx, "queue "+queue.Name, outcomes[i].err)
		if outcomes[i].err == nil {
			state = queueHealth(queue.Name, outcomes[i].result, time.Now())
			for identity, seen := range outcomes[i].result.Pollers {
				if workers[identity] == nil {
					workers[identity] = &chatconnect.WorkerHealth{Identity: identity}
				}
				w := workers[identity]
				w.Queues = append(w.Queues, queue.Name)
				if seen.After(w.LastSeenAt) {
					w.LastSeenAt = seen
				}
			}
		}
		result.states = append(result.states, state)
	}
	for _, w := range workers {
		result.workers = append(result.workers, *w)
	}
	slices.SortFunc(result.workers, func(a, b chatconnect.WorkerHealth) int { return cmp.Compare(a.Identity, b.Identity) })
	return result
}

func queueHealth(name string, state temporal.QueueState, now time.Time) chatconnect.QueueHealth {
	h := chatconnect.QueueHealth{
		Name: name, Status: chatconnect.QueueUnattended,
		Backlog: state.Backlog, OldestTaskSeconds: state.OldestAge.Seconds(), Pollers: len(state.Pollers),
	}
	for _, seen := range state.Pollers {
		if h.LastPollAt == nil || seen.After(*h.LastPollAt) {
			h.LastPollAt = &seen
		}
	}
	if h.LastPollAt != nil && now.Sub(*h.LastPollAt) < unattendedAfter {
		h.Status = chatconnect.QueueOK
	}
	return h
}
