// Package answerstream writes an answer to its message's relay while a model
// generates it, and reads it back after a crash.
//
// It turns a stream of words into the events of the chat API, gathers words
// for a few milliseconds, and keeps generation going while the relay is away.
//
// It imports the domain and the standard library only.
package answerstream
