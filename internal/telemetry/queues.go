package telemetry

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	chatconnect "github.com/chatconnect/chatconnect"
)

// queueCollector asks for the state of the task queues when it is scraped.
type queueCollector struct {
	states                       func(context.Context) []chatconnect.QueueHealth
	up, backlog, oldest, pollers *prometheus.Desc
	lastPoll                     *prometheus.Desc
}

// NewQueueCollector returns a collector of the states of task queues. They are
// those of the whole installation, so every process reports the same.
func NewQueueCollector(states func(context.Context) []chatconnect.QueueHealth) prometheus.Collector {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("chatconnect_task_queue_"+name, help, []string{"queue"}, nil)
	}
	return &queueCollector{
		states:   states,
		up:       desc("up", "1 if Temporal told the queue's state; else its other metrics are missing."),
		backlog:  desc("backlog", "Tasks that wait for a worker, approximately."),
		oldest:   desc("oldest_task_seconds", "How long the first of them has waited."),
		pollers:  desc("pollers", "Worker processes that have polled the queue in the last minutes."),
		lastPoll: desc("last_poll_timestamp_seconds", "When a worker last polled the queue."),
	}
}

func (c *queueCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{c.up, c.backlog, c.oldest, c.pollers, c.lastPoll} {
		descs <- desc
	}
}

func (c *queueCollector) Collect(metrics chan<- prometheus.Metric) {
	// A scrape has no context; each probe has a timeout of its own.
	for _, queue := range c.states(context.Background()) {
		gauge := func(desc *prometheus.Desc, value float64) {
			metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, queue.Name)
		}
		if queue.Status == chatconnect.QueueUnknown {
			gauge(c.up, 0)
			continue
		}
		gauge(c.up, 1)
		gauge(c.backlog, float64(queue.Backlog))
		gauge(c.oldest, queue.OldestTaskSeconds)
		gauge(c.pollers, float64(queue.Pollers))
		if queue.LastPollAt != nil {
			gauge(c.lastPoll, float64(queue.LastPollAt.UnixMilli())/1000)
		}
	}
}
