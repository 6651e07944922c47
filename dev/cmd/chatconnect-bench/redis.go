package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// chooseRedis returns the address of the Redis to measure with: REDIS_URL, or
// a redis-server of the bench's own, or "" for the embedded one, which runs
// Lua in Go in the bench's process and says little about a production's.
func chooseRedis(ctx context.Context, dir string) (url string, stop func() error, err error) {
	stop = func() error { return nil }
	if url := os.Getenv("REDIS_URL"); url != "" {
		fmt.Print("Redis is the one at REDIS_URL.\n\n")
		return url, stop, nil
	}
	binary, _ := exec.LookPath("redis-server")
	if binary == "" {
		fmt.Print("There is no redis-server on the path: Redis is the embedded one, whose lag is not a production's.\n\n")
		return "", stop, nil
	}
	socket := filepath.Join(dir, "redis.sock")
	// As in docker-compose.yml: every write goes to a file, synced each second.
	server := exec.Command(binary, "--port", "0", "--unixsocket", socket, "--dir", dir, //nolint:noctx // stop ends it
		"--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--loglevel", "warning")
	server.Stderr = os.Stderr
	server.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is the bench's
	if err := server.Start(); err != nil {
		return "", stop, fmt.Errorf("redis-server: %w", err)
	}
	stop = func() error { return errors.Join(server.Process.Signal(syscall.SIGTERM), server.Wait()) }
	deadline := time.Now().Add(10 * time.Second)
	for {
		connection, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
		if err == nil {
			return "unix://" + socket, stop, connection.Close()
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			return "", stop, errors.Join(fmt.Errorf("redis-server: %w", err), stop())
		}
		time.Sleep(10 * time.Millisecond)
	}
}
