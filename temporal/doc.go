// Package temporal is the contract between those who start workflows and
// those who run them: task queues, workflow and activity names, ids, inputs
// and results, retry and timeout presets, and how to dial.
//
// It imports the domain and the Temporal SDK, and neither workflows/ nor
// activities/, so that api/ can start workflows without linking them.
package temporal

// Task queues. Chat has one of its own, so that a pile of documents can't
// hold up an answer; parsing, so that files wait for a reader without holding up
// the short steps of other documents; embedding too, so that its pace can be set for the whole
// installation (EMBEDDING_BATCHES_PER_SECOND) and a slow provider can't hold
// up the reading of files.
const (
	QueueIngestion = "ingestion"
	QueueParsing   = "parsing"
	QueueEmbedding = "embedding"
	QueueChat      = "chat"
)

// Names of the released workflow types. Changing one's code goes through
// workflow.GetVersion; changing its name would strand the running ones.
const (
	WorkflowIngestDocument = "IngestDocument"
	WorkflowAnswerMessage  = "AnswerMessage"
)

// QueryProgress is the query both workflows answer.
const QueryProgress = "progress"
