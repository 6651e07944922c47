package document

import (
	"encoding/json"
	"io"
	"sync"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
)

// envChild marks a child and carries its task as JSON. The child's environment
// holds nothing else.
const envChild = "CHATCONNECT_DOCUMENT_CHILD"

// File descriptors of a child, after the standard three.
const (
	fdResult = 3 // pipe: JSON lines of message
	fdFile   = 4 // the document, opened for reading; of taskParse only
)

// maxLine bounds a line of the result pipe: a block of sink.MaxBlockBytes,
// each byte of which JSON may write as six, and its section.
const maxLine = 1 << 20

// task tells the child what to do.
type task struct {
	Kind        string               `json:"kind"` // taskParse, taskWarm or taskProbe
	Type        chatconnect.FileType `json:"type,omitempty"`
	Size        int64                `json:"size,omitempty"`
	CacheDir    string               `json:"cacheDir,omitempty"`
	MaxPages    int                  `json:"maxPages,omitempty"`
	MaxText     int64                `json:"maxText,omitempty"`
	MaxBlocks   int                  `json:"maxBlocks,omitempty"`
	MemoryBytes int64                `json:"memoryBytes"`
	CPUSeconds  int64                `json:"cpuSeconds"`
}

const (
	taskParse = "parse"
	taskWarm  = "warm"
	taskProbe = "probe" // starts and is confined as for a document, and reads none
)

// message is one line from the child. Exactly one field is set.
type message struct {
	Ready    *limits            `json:"ready,omitempty"`    // first line
	Confined *confinement       `json:"confined,omitempty"` // before the first block
	Block    *chatconnect.Block `json:"block,omitempty"`
	Progress *progress          `json:"progress,omitempty"`
	Warning  string             `json:"warning,omitempty"`
	Failure  *failed            `json:"failure,omitempty"` // last line
	Done     bool               `json:"done,omitempty"`    // last line
}

// limits are those of the operating system that a child works under, and those
// that it lacks because the system has none or none is used on it. What the
// parent sees to (the deadline, the caps on pages and text) always holds.
type limits struct {
	InForce string `json:"inForce"`
	Lacking string `json:"lacking,omitempty"`
}

type progress struct {
	Done  int `json:"done"`
	Total int `json:"total"`
}

type failed struct {
	Kind    chatconnect.Kind `json:"kind"`
	Code    string           `json:"code"`
	Message string           `json:"message"`
	Cause   string           `json:"cause,omitempty"`
}

// pipe writes messages; it is the child's sink.
type pipe struct {
	mu       sync.Mutex
	encoder  *json.Encoder
	err      error
	reported time.Time // of the last progress line
}

func newPipe(w io.Writer) *pipe {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return &pipe{encoder: e}
}

func (p *pipe) send(m message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = p.encoder.Encode(m)
	}
	return p.err
}

func (p *pipe) Block(b chatconnect.Block) error { return p.send(message{Block: &b}) }

// Progress is sent a few times a second at most, and at the end.
func (p *pipe) Progress(done, total int) {
	const often = 100 * time.Millisecond
	now := time.Now()
	if done < total && now.Sub(p.reported) < often {
		return
	}
	p.reported = now
	_ = p.send(message{Progress: &progress{Done: done, Total: total}}) // a broken pipe shows at the next block
}

func (p *pipe) Warn(text string) {
	const longest = 1000
	if len(text) > longest {
		text = text[:longest]
	}
	_ = p.send(message{Warning: text})
}
