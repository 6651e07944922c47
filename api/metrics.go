package api

import chatconnect "github.com/chatconnect/chatconnect"

// Metrics is what the API reports about chat requests that never became a
// workflow; those that did are counted by the worker, once. The rest is what
// requests hold of the process.
type Metrics interface {
	// ChatRefused gets empty client and tier when the key named none.
	ChatRefused(client chatconnect.ClientID, tier chatconnect.Tier, code string)
	// Embedded counts what POST /embed spent.
	Embedded(spent chatconnect.Completion)
	// ConnectionRefused gets "requests": too many of one address are under way.
	ConnectionRefused(reason string)
	UploadsChanged(change int)
	StagedBytesChanged(change int64)
	UploadRefused(code string)
	SocketsChanged(change int)
}

// NoMetrics counts nothing. Those that count some embed it.
type NoMetrics struct{}

func (NoMetrics) ChatRefused(chatconnect.ClientID, chatconnect.Tier, string) {}
func (NoMetrics) Embedded(chatconnect.Completion)                            {}
func (NoMetrics) ConnectionRefused(string)                                   {}
func (NoMetrics) UploadsChanged(int)                                         {}
func (NoMetrics) StagedBytesChanged(int64)                                   {}
func (NoMetrics) UploadRefused(string)                                       {}
func (NoMetrics) SocketsChanged(int)                                         {}
