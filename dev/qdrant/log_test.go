package qdrant

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// writeJournal returns the bytes of a log with the bodies, and where each
// record ends.
func writeJournal(t *testing.T, bodies ...string) (content []byte, ends []int64) {
	t.Helper()
	path := filepath.Join(t.TempDir(), journalName)
	j, err := openJournal(path, false, func([]byte) error { return fmt.Errorf("a new log has no records") })
	require.NoError(t, err)
	for _, body := range bodies {
		require.NoError(t, j.append(frame([]byte(body))))
		ends = append(ends, j.size)
	}
	require.NoError(t, j.close())
	content, err = os.ReadFile(path)
	require.NoError(t, err)
	require.EqualValues(t, len(content), ends[len(ends)-1])
	return content, ends
}

// readJournal opens a log with that content and returns its bodies and what it
// left on disk.
func readJournal(t *testing.T, content []byte) (bodies []string, left []byte, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), journalName)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	j, err := openJournal(path, false, func(body []byte) error {
		bodies = append(bodies, string(body))
		return nil
	})
	if err == nil {
		require.NoError(t, j.close())
	}
	left, readErr := os.ReadFile(path)
	require.NoError(t, readErr)
	return bodies, left, err
}

// TestJournalCutAnywhere is the log of a process killed at any byte.
func TestJournalCutAnywhere(t *testing.T) {
	t.Parallel()
	want := []string{"first", "the second record", "3"}
	content, ends := writeJournal(t, want...)
	for cut := range len(content) + 1 {
		whole := 0
		for whole < len(ends) && ends[whole] <= int64(cut) {
			whole++
		}
		bodies, left, err := readJournal(t, content[:cut])
		require.NoError(t, err, "cut at %d", cut)
		require.Equal(t, want[:whole], append([]string{}, bodies...), "cut at %d", cut)
		end := int64(len(journalMagic))
		if whole > 0 {
			end = ends[whole-1]
		}
		require.Equal(t, content[:end], left, "cut at %d", cut)
	}
}

// TestJournalDamage flips a bit of each byte before the last record. What
// follows was acknowledged, so nothing may be cut off in silence.
func TestJournalDamage(t *testing.T) {
	t.Parallel()
	content, ends := writeJournal(t, "first", "the second record", "3")
	for i := range ends[1] {
		damaged := bytes.Clone(content)
		damaged[i] ^= 0x10
		_, left, err := readJournal(t, damaged)
		require.Error(t, err, "byte %d", i)
		require.Equal(t, damaged, left, "a refused log is left alone")
	}
	// In the last record it may be a write that did not reach the disk.
	damaged := bytes.Clone(content)
	damaged[len(damaged)-1] ^= 1
	bodies, left, err := readJournal(t, damaged)
	require.NoError(t, err)
	require.Len(t, bodies, 2)
	require.Equal(t, content[:ends[1]], left)
}

// TestJournalZeros is the log of a machine that lost power: the file was
// extended, its data never written.
func TestJournalZeros(t *testing.T) {
	t.Parallel()
	content, _ := writeJournal(t, "first")
	for _, zeros := range []int{1, 11, 12, 13, 200_000} {
		bodies, left, err := readJournal(t, append(bytes.Clone(content), make([]byte, zeros)...))
		require.NoError(t, err)
		require.Equal(t, []string{"first"}, bodies)
		require.Equal(t, content, left)
	}
	_, _, err := readJournal(t, append(append(bytes.Clone(content), make([]byte, 100)...), 1))
	require.ErrorContains(t, err, "damaged")
}

func TestJournalOfSomethingElse(t *testing.T) {
	t.Parallel()
	_, left, err := readJournal(t, []byte("a diary"))
	require.ErrorContains(t, err, "not a log of this server")
	require.Equal(t, "a diary", string(left))
}

// TestJournalFailedAppend closes the file under the log: the record is refused
// and so is every later one, instead of going to an unknown place.
func TestJournalFailedAppend(t *testing.T) {
	t.Parallel()
	j, err := openJournal(filepath.Join(t.TempDir(), journalName), false, nil)
	require.NoError(t, err)
	require.NoError(t, j.file.Close())
	require.Error(t, j.append(frame([]byte("x"))))
	require.ErrorContains(t, j.append(frame([]byte("y"))), "unusable")
}

// TestJournalReplaceLeavesOldOnFailure is a compaction that fails half-way.
func TestJournalReplaceLeavesOldOnFailure(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), journalName)
	j, err := openJournal(path, true, nil)
	require.NoError(t, err)
	require.NoError(t, j.append(frame([]byte("kept"))))
	require.Error(t, j.replace(func(add func([]byte) error) error {
		require.NoError(t, add([]byte("half")))
		return fmt.Errorf("no")
	}))
	require.NoError(t, j.append(frame([]byte("and goes on"))))
	require.NoError(t, j.replace(func(add func([]byte) error) error { return add([]byte("new")) }))
	require.NoError(t, j.append(frame([]byte("after"))))
	require.NoError(t, j.close())
	require.NoFileExists(t, path+".new")
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	bodies, _, err := readJournal(t, content)
	require.NoError(t, err)
	require.Equal(t, []string{"new", "after"}, bodies)
}
