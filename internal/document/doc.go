// Package document reads uploaded files: it tells their type by their content
// (Detect), turns them into text in a child process with limits (Parser), and
// cuts the text into chunks (NewChunker).
//
// Every file is hostile until it has been read. The readers (pdf, docx,
// csvfile, plaintext) therefore run only in a child: our own binary started
// again, without its environment, bounded in memory, processor time, open
// files and output, and killed at a deadline. A program that uses the Parser
// calls RunChildIfAsked first thing in main, a test binary in TestMain.
//
// The package imports the domain and its own sub-packages, no other adapter.
package document
