package document_test

import (
	"os"
	"testing"

	"github.com/chatconnect/chatconnect/internal/document"
)

func TestMain(m *testing.M) {
	misbehaveIfAsked()
	document.RunChildIfAsked()
	runParentIfAsked()
	runEscapeIfAsked()
	runHostileWorkerIfAsked()
	os.Exit(m.Run())
}
