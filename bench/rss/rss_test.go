package rss_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/bench/rss"
)

const (
	envEater = "TEST_RSS_EATER"
	eaten    = 64 << 20
)

func TestMain(m *testing.M) {
	if _, asked := os.LookupEnv(envEater); asked {
		food := fill(eaten)
		fmt.Println("full")
		_, _ = bufio.NewReader(os.Stdin).ReadByte() // until the parent has looked
		runtime.KeepAlive(food)
		return
	}
	os.Exit(m.Run())
}

// fill takes memory for real, a byte of each page: the race detector's notes of
// every byte would weigh more than the bytes.
func fill(size int) []byte {
	memory := make([]byte, size)
	for i := 0; i < size; i += os.Getpagesize() {
		memory[i] = 1
	}
	return memory
}

func TestAChildIsSeenWithItsPeak(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("not known here")
	}
	// Memory of ours, which a child must not be charged with.
	ballast := fill(3 * eaten)
	watch := rss.Start(os.Getpid())
	self, err := os.Executable()
	require.NoError(t, err)
	child := exec.Command(self, "-eater")
	child.Env = append(os.Environ(), envEater+"=1")
	stdin, err := child.StdinPipe()
	require.NoError(t, err)
	stdout, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "full\n", line)

	recent := watch.Recent()
	require.Greater(t, recent, int64(eaten))
	require.NoError(t, stdin.Close())
	require.NoError(t, child.Wait())
	_ = watch.Recent()
	require.Zero(t, watch.Recent(), "nobody since")

	peak := watch.Stop()
	runtime.KeepAlive(ballast)
	require.GreaterOrEqual(t, peak.Child, recent)
	require.Less(t, peak.Child, int64(3*eaten), "the parent's memory")
	require.Greater(t, peak.Process, int64(3*eaten))
	require.Equal(t, 1, peak.Children)
}
