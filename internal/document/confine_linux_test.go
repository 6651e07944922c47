package document_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/document"
	"github.com/chatconnect/chatconnect/internal/proctest"
)

// manyBlocks is more text than the pipe holds: the child is still at work
// while the first block is looked at.
func manyBlocks() *strings.Reader {
	return strings.NewReader(strings.Repeat(strings.Repeat("word ", 2000)+"\n\n", 1000))
}

// childrenOf lists the processes whose parent is pid.
func childrenOf(pid int) []int {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	var pids []int
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, field := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

// childIn finds the child that works in a directory under dir: tests run in
// parallel, so there are others. The kernel may leave a child out of its list
// while another ends, hence more than one look.
func childIn(pid int, dir string) (int, bool) {
	for range 1000 {
		for _, child := range childrenOf(pid) {
			cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", child))
			if err == nil && strings.HasPrefix(cwd, dir+"/") {
				return child, true
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	return 0, false
}

// unhurried is a deadline that a busy machine doesn't meet; the product's 60 s
// were over once before a child without a processor had written its first block.
const unhurried = 5 * time.Minute

// whileReading calls do with the pid of a child that is at work.
func whileReading(t *testing.T, deadline time.Duration, do func(pid int)) error {
	t.Helper()
	dir := t.TempDir()
	p := document.NewParser(document.Options{TempDir: dir, CacheDir: t.TempDir(), Deadline: deadline})
	first := true
	return p.Parse(context.Background(), chatconnect.TypeTXT, manyBlocks(), func(chatconnect.Block) error {
		if first {
			first = false
			pid, found := childIn(os.Getpid(), dir)
			require.True(t, found, "no child")
			do(pid)
		}
		return nil
	}, nil)
}

func TestChildIsConfined(t *testing.T) {
	t.Setenv("CHATCONNECT_TEST_SECRET", "hunter2")
	proc := func(pid int, name string) string {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
		require.NoError(t, err)
		return string(text)
	}
	require.NoError(t, whileReading(t, unhurried, func(pid int) {
		var names []string
		for _, variable := range strings.Split(strings.Trim(proc(pid, "environ"), "\x00"), "\x00") {
			name, _, _ := strings.Cut(variable, "=")
			names = append(names, name)
		}
		slices.Sort(names)
		want := []string{"CHATCONNECT_DOCUMENT_CHILD", "GOMAXPROCS", "GOTRACEBACK"}
		if document.MemoryFactor > 1 {
			want = slices.Insert(want, 2, "GORACE") // for the race detector alone
		}
		require.Equal(t, want, names)

		cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
		require.NoError(t, err)
		require.True(t, strings.HasSuffix(cwd, " (deleted)"), cwd)

		limits := proc(pid, "limits")
		for name, value := range map[string]string{
			"Max data size": strconv.Itoa(450 << 20 * document.MemoryFactor), "Max core file size": "0", "Max open files": "32", "Max file size": "0", "Max cpu time": "601",
		} {
			at := strings.Index(limits, name)
			require.GreaterOrEqual(t, at, 0)
			fields := strings.Fields(limits[at+len(name):])
			require.Equal(t, []string{value, value}, fields[:2], name)
		}
		require.Contains(t, proc(pid, "status"), "NoNewPrivs:\t1")

		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		require.NoError(t, err)
		require.NotEmpty(t, threads)
		for _, thread := range threads {
			stat, err := os.ReadFile(thread)
			require.NoError(t, err)
			_, rest, _ := strings.Cut(string(stat), ") ")
			const nice = 16 // after the command: state first
			got, err := strconv.Atoi(strings.Fields(rest)[nice])
			require.NoError(t, err)
			require.GreaterOrEqual(t, got, 10)
		}

		open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		require.NoError(t, err)
		hasFile := false
		for _, fd := range open {
			target, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, fd.Name()))
			switch {
			case err != nil: // closed since
			case strings.Contains(target, "/chatconnect-document-") && strings.HasSuffix(target, " (deleted)"):
				hasFile = true
			case target == "/dev/null", strings.HasPrefix(target, "pipe:"), strings.HasPrefix(target, "anon_inode:"):
			case strings.HasPrefix(target, "/sys/fs/cgroup/"): // Go's, to count processors
			default:
				t.Errorf("the child has %s open", target)
			}
		}
		require.True(t, hasFile)
	}))
}

func TestChildKilledFromOutsideMayBeTriedAgain(t *testing.T) {
	t.Parallel()
	err := whileReading(t, unhurried, func(pid int) { require.NoError(t, syscall.Kill(pid, syscall.SIGKILL)) })
	require.Equal(t, chatconnect.KindUnavailable, chatconnect.AsError(err).Kind, "%v", err)
}

func TestDeadlineEndsTheChild(t *testing.T) {
	t.Parallel()
	heavy, err := io.ReadAll(wordFile(t, "", "<w:p><w:r><w:t>all work and no play</w:t></w:r></w:p>", 2_000_000, ""))
	require.NoError(t, err)
	began := time.Now()
	for deadline := 300 * time.Millisecond; ; deadline = min(2*deadline, 5*time.Second) {
		_, err := parse(t, newParser(t, document.Options{Deadline: deadline}), chatconnect.TypeDOCX, bytes.NewReader(heavy))
		if chatconnect.AsError(err).Code == "parser_stopped" && time.Since(began) < 3*time.Minute {
			continue // a busy machine gave the child too little processor
		}
		requireFailure(t, err, chatconnect.CodeTooComplex)
		break
	}
}

// TestPausedChildMayBeTriedAgain pauses a child beyond its deadline.
func TestPausedChildMayBeTriedAgain(t *testing.T) {
	t.Parallel()
	var thaw func() error
	var err error
	// A busy machine may let the time pass before the child begins to read.
	for deadline := 8 * time.Second; thaw == nil && deadline < 5*time.Minute; deadline *= 2 {
		err = whileReading(t, deadline, func(child int) { thaw = proctest.Freeze(t, child) })
	}
	require.NotNil(t, thaw, "no child read anything: %v", err)
	require.ErrorIs(t, thaw(), syscall.ESRCH, "the parser left its child")
	require.Equal(t, "parser_stopped", chatconnect.AsError(err).Code, "%v", err)
}

func TestMemoryLimitEndsTheChild(t *testing.T) {
	t.Parallel()
	if document.MemoryFactor > 1 {
		t.Skip("the race detector needs more memory than the limit")
	}
	// A child takes up to 150 MB before it reads: a Go heap is mapped in one
	// piece, and so is the stack of each thread.
	p := newParser(t, document.Options{MemoryLimit: 220 << 20})
	_, err := parse(t, p, chatconnect.TypeTXT, strings.NewReader(strings.Repeat("é ", 20<<20)))
	requireFailure(t, err, chatconnect.CodeTooComplex)
}

const envTestParent = "TEST_DOCUMENT_PARENT"

// runParentIfAsked is a parser in a process of its own, to be killed: it
// prints its child's pid and waits.
func runParentIfAsked() {
	dir, asked := os.LookupEnv(envTestParent)
	if !asked {
		return
	}
	p := document.NewParser(document.Options{TempDir: dir, CacheDir: dir, Deadline: unhurried})
	err := p.Parse(context.Background(), chatconnect.TypeTXT, manyBlocks(), func(chatconnect.Block) error {
		pid, _ := childIn(os.Getpid(), dir)
		fmt.Println(pid)
		select {}
	}, nil)
	fmt.Println(err)
	os.Exit(1)
}

func TestChildDiesWithItsParent(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	require.NoError(t, err)
	dir := t.TempDir()
	parent := exec.Command(self)
	parent.Env = append(os.Environ(), envTestParent+"="+dir)
	output, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	line, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	child, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	require.NoError(t, parent.Process.Kill())
	_ = parent.Wait()
	require.Eventually(t, func() bool {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", child))
		return err != nil || strings.Contains(string(status), ") Z ")
	}, 50*time.Second, 10*time.Millisecond, "the child lives on") // it would not end by itself before its deadline
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left, "files were left behind")
}
