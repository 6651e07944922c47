package document

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// layer is one of the two ways in which Linux takes rights from a process.
// Each closes alone what it can, so that one suffices where the other is
// missing or has a hole.
type layer struct {
	apply func() (name string, err error)
	what  string
}

// errLacking means that this kernel, or what confines us already, does not
// offer a layer. Anything else that goes wrong with one is an error.
var errLacking = errors.New("not available")

// seal takes from the process, for good, what reading a document does not
// need: files other than those open already, the network, other processes and
// programs. All threads are bound, and all that they start.
//
// It comes after everything that opens files (the PDF engine's cache), and
// before the first look at the document.
func seal() (confinement, error) {
	return sealWith(layer{landlockAll, "Landlock"}, layer{filterSystemCalls, "seccomp"})
}

func sealWith(layers ...layer) (confinement, error) {
	// What is open may be written to, but not made larger: the result goes
	// through a pipe, which this does not concern.
	if err := setLimit(unix.RLIMIT_FSIZE, 0); err != nil {
		return confinement{}, fmt.Errorf("file size: %w", err)
	}
	var inForce, lacking []string
	for _, l := range layers {
		name, err := l.apply()
		switch {
		case errors.Is(err, errLacking):
			lacking = append(lacking, fmt.Sprintf("%s: %v", l.what, err))
		case err != nil:
			return confinement{}, fmt.Errorf("%s: %w", l.what, err)
		default:
			inForce = append(inForce, name)
		}
	}
	inForce = append(inForce, "rlimits")
	return confinement{Level: strings.Join(inForce, " + "), Lacking: strings.Join(lacking, "; ")}, nil
}
