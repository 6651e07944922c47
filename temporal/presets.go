package temporal

import (
	"time"

	sdktemporal "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// HeartbeatTimeout is how long a worker may be silent before its activity is
// given to another. It bounds how long a killed worker delays a document or
// an answer; HeartbeatInterval leaves room for three beats.
const (
	HeartbeatTimeout  = 6 * time.Second
	HeartbeatInterval = 2 * time.Second
)

// The pauses between attempts of a stage, unless a provider names another.
const (
	stageFirstPause   = time.Second
	stagePauseGrowth  = 2
	stageLongestPause = time.Minute
)

// StagePause is how long a stage whose attempt (from 1) failed waits until the
// next, by the policy of StageOptions. An activity that tells people when it
// will try again returns it as the error's RetryAfter, so that it keeps its
// word.
func StagePause(attempt int) time.Duration {
	pause := stageFirstPause
	for ; attempt > 1 && pause < stageLongestPause; attempt-- {
		pause *= stagePauseGrowth
	}
	return min(pause, stageLongestPause)
}

// StageOptions suit a stage of ingestion: retried until it succeeds or fails
// for good, however long an outage lasts. attempt bounds one attempt.
func StageOptions(attempt time.Duration) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		StartToCloseTimeout: attempt,
		HeartbeatTimeout:    HeartbeatTimeout,
		WaitForCancellation: true,
		RetryPolicy: &sdktemporal.RetryPolicy{
			InitialInterval:    stageFirstPause,
			BackoffCoefficient: stagePauseGrowth,
			MaximumInterval:    stageLongestPause,
		},
	}
}

// ParseOptions are those of a stage, on a queue of its own: a worker takes no
// more files from it than it reads at once, so that the others wait where
// tenants take turns, and in nobody's way.
func ParseOptions(attempt time.Duration) workflow.ActivityOptions {
	options := StageOptions(attempt)
	options.TaskQueue = QueueParsing
	return options
}

// EmbedOptions are those of a stage, on the queue that is paced. The workflow's
// fairness key goes along, so tenants take turns there.
func EmbedOptions(attempt time.Duration) workflow.ActivityOptions {
	options := StageOptions(attempt)
	options.TaskQueue = QueueEmbedding
	return options
}

// RetrieveOptions suit the search before an answer: quick attempts for a
// minute, the patience of a visitor who sees the widget working.
func RetrieveOptions() workflow.LocalActivityOptions {
	return workflow.LocalActivityOptions{
		StartToCloseTimeout:    10 * time.Second,
		ScheduleToCloseTimeout: time.Minute,
		RetryPolicy: &sdktemporal.RetryPolicy{
			InitialInterval:    100 * time.Millisecond,
			BackoffCoefficient: 2,
			MaximumInterval:    2 * time.Second,
		},
	}
}

// InterruptOptions suit what is only worth doing at once.
func InterruptOptions() workflow.LocalActivityOptions {
	return workflow.LocalActivityOptions{
		ScheduleToCloseTimeout: 2 * time.Second,
		RetryPolicy:            &sdktemporal.RetryPolicy{MaximumAttempts: 1},
	}
}

// AnswerDeadline is how long the writing of an answer may take with all its
// attempts: as long as a visitor can be thought to wait.
const AnswerDeadline = 5 * time.Minute

// GenerateOptions suit the writing of an answer. Six attempts outlast a
// provider's hiccup and the death of a worker or two; the visitor is told
// after that, or at the deadline. attempt bounds one attempt.
func GenerateOptions(attempt time.Duration) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		StartToCloseTimeout:    attempt,
		ScheduleToCloseTimeout: AnswerDeadline,
		HeartbeatTimeout:       HeartbeatTimeout,
		WaitForCancellation:    true,
		RetryPolicy: &sdktemporal.RetryPolicy{
			InitialInterval:    500 * time.Millisecond,
			BackoffCoefficient: 2,
			MaximumInterval:    5 * time.Second,
			MaximumAttempts:    6,
		},
	}
}

// LogLocally is the quick way of logging, in the worker that holds the
// workflow; LogOptions the patient one, when the database is away for longer.
func LogLocally() workflow.LocalActivityOptions {
	options := RetrieveOptions()
	options.ScheduleToCloseTimeout = 15 * time.Second
	return options
}

func LogOptions() workflow.ActivityOptions {
	options := StageOptions(30 * time.Second)
	options.HeartbeatTimeout = 0 // too short to beat
	return options
}
