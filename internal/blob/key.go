package blob

import (
	"fmt"
	"regexp"
	"strings"

	chatconnect "github.com/chatconnect/chatconnect"
)

// A key is path segments of plain characters that do not start with a dot: no
// way out of the store, no hidden files, the same on every driver.
var keyPattern = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$`)

const maxKeyBytes = 512

func checkKey(key string) error {
	// The suffixes are the driver's: its side files and unfinished blobs.
	if len(key) > maxKeyBytes || !keyPattern.MatchString(key) ||
		strings.HasSuffix(key, ".attrs") || strings.HasSuffix(key, ".tmp") {
		return chatconnect.AsError(fmt.Errorf("blob: key %q is not valid", key))
	}
	return nil
}

// checkPrefix accepts whole path segments only, ending with a slash: a prefix
// "ab" must not reach "abc/".
func checkPrefix(prefix string) error {
	segments, ok := strings.CutSuffix(prefix, "/")
	if !ok || checkKey(segments+"/x") != nil {
		return chatconnect.AsError(fmt.Errorf("blob: prefix %q is not valid", prefix))
	}
	return nil
}
