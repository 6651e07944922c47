package llm

import (
	"sync"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Embedders makes the embedder of any model from one set of provider settings:
// the one set up, and, until the index has been built anew, the one it was
// built with. It is safe for concurrent use.
type Embedders struct {
	options Options
	wrap    func(chatconnect.Embedder) chatconnect.Embedder

	mu   sync.Mutex
	made map[embedderKey]chatconnect.Embedder
}

type embedderKey struct {
	model      string
	dimensions int
}

var _ chatconnect.Embedders = (*Embedders)(nil)

// NewEmbedders returns Embedders whose embedders go through wrap, if it is not
// nil; those that need no provider do not.
func NewEmbedders(options Options, wrap func(chatconnect.Embedder) chatconnect.Embedder) *Embedders {
	if wrap == nil {
		wrap = func(e chatconnect.Embedder) chatconnect.Embedder { return e }
	}
	return &Embedders{options: options.withDefaults(), wrap: wrap, made: map[embedderKey]chatconnect.Embedder{}}
}

// Embedder implements chatconnect.Embedders. It makes no request: whether the
// provider knows the model is seen when it is used.
func (e *Embedders) Embedder(model string, dimensions int) (chatconnect.Embedder, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	key := embedderKey{model, dimensions}
	if made, ok := e.made[key]; ok {
		return made, nil
	}
	made, err := e.make(key)
	if err != nil {
		return nil, chatconnect.ErrNoEmbedder.Because(err)
	}
	e.made[key] = made
	return made, nil
}

func (e *Embedders) make(key embedderKey) (chatconnect.Embedder, error) {
	if local := NewLocalEmbedder(); key == (embedderKey{local.Model(), local.Dimensions()}) {
		return local, nil
	}
	if e.options.OpenAIKey == "" {
		return nil, chatconnect.ErrNoEmbedder
	}
	// A model's own length is not sent: some models and servers refuse the
	// parameter. What is set up is taken as it was set up.
	asked := key.dimensions
	if asked == nativeDimensions[key.model] && (key.model != e.options.EmbeddingModel || e.options.EmbeddingDimensions == 0) {
		asked = 0
	}
	made, err := newOpenAIEmbedder(e.options.OpenAIKey, e.options.OpenAIBaseURL, key.model, asked, e.options.Prices, NewDoer(e.options.Timeouts))
	if err != nil {
		return nil, err
	}
	return e.wrap(made), nil
}
