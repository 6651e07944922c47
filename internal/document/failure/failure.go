// Package failure holds the ways in which a document can't be read, each with
// its stable code and a sentence its owner can act on.
//
// It imports the domain only, so that every reader can use it.
package failure

import (
	"errors"

	chatconnect "github.com/chatconnect/chatconnect"
)

// The failures of a document. All but Unsupported and TooLarge are
// KindInvalid: reading the same bytes again can't end differently. Attach a
// cause with Because; it is for logs only.
var (
	Empty = chatconnect.Errorf(chatconnect.KindInvalid, chatconnect.CodeFileEmpty,
		"The file is empty. Check that it was saved and upload it again.")
	TooLarge = chatconnect.Errorf(chatconnect.KindTooLarge, chatconnect.CodeFileTooLarge,
		"The file is too large. Split it and upload the parts.")
	PasswordProtected = chatconnect.Errorf(chatconnect.KindInvalid, chatconnect.CodePasswordProtected,
		"The document is protected by a password. Save a copy without the password and upload that.")
	Scanned = chatconnect.Errorf(chatconnect.KindInvalid, chatconnect.CodeScanned,
		"The document holds pictures of pages but no text. Run text recognition (OCR) on it and upload the result.")
	Corrupt = chatconnect.Errorf(chatconnect.KindInvalid, chatconnect.CodeCorrupt,
		"The file is damaged and can't be read. Open it in the program that made it, save it again and upload the new copy.")
	NoText = chatconnect.Errorf(chatconnect.KindInvalid, chatconnect.CodeNoText,
		"There is no text in this document.")
	TooComplex = chatconnect.Errorf(chatconnect.KindInvalid, chatconnect.CodeTooComplex,
		"Reading this document takes more time or memory than is allowed. Split or simplify it and upload the parts.")
)

// Unsupported says what the file is instead of one of the accepted types:
// what is a noun with its article, "a PNG image".
func Unsupported(what string) *chatconnect.Error {
	return chatconnect.Errorf(chatconnect.KindUnsupported, chatconnect.CodeFileTypeUnsupported,
		"This is %s. Only PDF, DOCX, TXT and CSV files can be read.", what)
}

// TooManyPages names the page count and its limit.
func TooManyPages(pages, limit int) *chatconnect.Error {
	return chatconnect.Errorf(chatconnect.KindInvalid, chatconnect.CodeTooManyPages,
		"The document has %d pages; at most %d can be read. Split it and upload the parts.", pages, limit)
}

// IsOverLimit reports whether err is about a limit rather than about damage:
// text that was read up to damage is worth keeping, text up to a limit isn't.
func IsOverLimit(err error) bool {
	var e *chatconnect.Error
	return errors.As(err, &e) &&
		(e.Code == chatconnect.CodeTooComplex || e.Code == chatconnect.CodeTooManyPages || e.Code == chatconnect.CodeFileTooLarge)
}
