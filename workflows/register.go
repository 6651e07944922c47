package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/chatconnect/chatconnect/temporal"
)

// Registry is a worker of the SDK, or what replays histories.
type Registry interface {
	RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions)
}

// Register registers every workflow: answers with the worker of QueueChat, and
// all others with that of QueueIngestion. The names are in histories for good.
func Register(ingestion, chat Registry) {
	for name, w := range map[string]any{
		temporal.WorkflowIngestDocument: IngestDocument,
		temporal.WorkflowDeleteDocument: DeleteDocument,
		temporal.WorkflowPurgeClient:    PurgeClient,
		temporal.WorkflowJanitor:        Janitor,
		temporal.WorkflowReindexAll:     ReindexAll,
		temporal.WorkflowExpireChats:    ExpireChats,
		temporal.WorkflowSendMail:       SendMail,
	} {
		ingestion.RegisterWorkflowWithOptions(w, workflow.RegisterOptions{Name: name})
	}
	chat.RegisterWorkflowWithOptions(AnswerMessage, workflow.RegisterOptions{Name: temporal.WorkflowAnswerMessage})
}
