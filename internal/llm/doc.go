// Package llm talks to language and embedding models: OpenAI-compatible and
// Anthropic ones through langchaingo, and two that need no account, an
// extractive answerer and a hashing embedder.
//
// Everything that goes over the wire passes through the Doer, which gives
// langchaingo what it lacks: typed errors, detection of errors inside a
// stream and of streams cut short, prompt caching and timeouts. Nothing here
// retries; Temporal does.
//
// It imports the domain and langchaingo, and no other adapter.
package llm
