// Package fakemodel is a server that speaks the model APIs ChatConnect uses:
// OpenAI chat completions and embeddings, and Anthropic messages. Tests and
// benchmarks put it behind OPENAI_BASE_URL and ANTHROPIC_BASE_URL.
//
// Its latency, length and faults are knobs. Its answers come from the
// prompt: it quotes the sentence of the given passages that shares most words
// with the question, with the passage's number, so that whole-system tests
// see real citations. Its embeddings are hashed bags of words, so that search
// finds what it should.
//
//	srv := fakemodel.New(fakemodel.WithKnobs(fakemodel.Knobs{TTFT: fakemodel.Duration(5 * time.Millisecond)}))
//	web := httptest.NewServer(srv)
//	// OPENAI_BASE_URL=web.URL+"/v1", ANTHROPIC_BASE_URL=web.URL
//
// Knobs are set by an option, by Set, or by POST /knobs; GET /requests returns
// what arrived and DELETE /requests forgets it.
//
// It imports the standard library only, and above all nothing of the code it
// is used to test.
package fakemodel
