//go:build unix

package pgserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// superuser is the only role of a new cluster.
const superuser = "postgres"

// RuntimeLogin is the database user that the product runs as.
const RuntimeLogin = "chatconnect_runtime"

// Options say what to start.
type Options struct {
	// DataDir keeps the database between starts. See ResolveDataDir for where
	// it really lies.
	DataDir string
	// BinDir holds initdb and postgres; if empty they are looked for.
	BinDir string
	// Logger receives starts and stops; nil discards them.
	Logger *slog.Logger
	// Unsafe gives up safety against a crash of the machine for speed, and
	// takes more connections. For tests.
	Unsafe bool
	// Timeout bounds the start, including the wait for a predecessor that is
	// still shutting down and the recovery after a crash. 30 s if 0.
	Timeout time.Duration
}

// Server is a running PostgreSQL.
type Server struct {
	account account
	bin     string
	dir     string
	socket  string
	unsafe  bool
	logger  *slog.Logger
	lock    *os.File
	process *child
}

// Start makes a database in the directory, or takes the one that is there, and
// returns when it answers. The server outlives ctx, which bounds the start
// only; it ends with Stop, or with this process. Errors are ErrNoBinaries, an
// *InUseError, or carry the end of the server's log.
func Start(ctx context.Context, options Options) (*Server, error) {
	if options.DataDir == "" {
		return nil, errors.New("pgserver: DataDir is empty")
	}
	if options.Timeout == 0 {
		options.Timeout = 30 * time.Second
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithTimeout(ctx, options.Timeout)
	defer cancel()

	s := &Server{unsafe: options.Unsafe, logger: options.Logger}
	var err error
	if s.bin, err = findBinaries(options.BinDir); err != nil {
		return nil, err
	}
	if s.account, err = serverAccount(); err != nil {
		return nil, err
	}
	if s.dir, err = ResolveDataDir(options.DataDir); err != nil {
		return nil, err
	}
	if err := makePrivate(s.dir, s.account); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if s.lock, err = acquire(s.dir); err != nil {
		return nil, err
	}
	began := time.Now()
	if err := s.start(ctx); err != nil {
		release(s.lock)
		return nil, err
	}
	s.logger.Info("PostgreSQL is ready", "dir", s.dir, "socket", s.socket, "took", time.Since(began).Round(time.Millisecond))
	return s, nil
}

func (s *Server) start(ctx context.Context) error {
	if err := s.awaitPredecessor(ctx); err != nil {
		return err
	}
	log, err := os.OpenFile(s.logPath(), os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	if err := s.ensureCluster(ctx, log); err != nil {
		return err
	}
	if s.socket, err = s.makeSocketDir(); err != nil {
		return fmt.Errorf("socket directory: %w", err)
	}
	for {
		s.process, err = startChild(s.account, log, s.dir, filepath.Join(s.bin, "postgres"), s.arguments()...)
		if err != nil {
			return err
		}
		err = s.awaitReady(ctx)
		if err == nil {
			return nil
		}
		s.Kill()
		// The children of a postmaster killed with -9 may linger a moment.
		if !errors.Is(err, errLingering) || !pause(ctx, 50*time.Millisecond) {
			return err
		}
		if err := log.Truncate(0); err != nil {
			return err
		}
	}
}

// awaitPredecessor waits for a server whose launcher died and that has not
// finished shutting down. We hold the lock, so nobody starts another.
func (s *Server) awaitPredecessor(ctx context.Context) error {
	data := filepath.Join(s.dir, "data")
	for {
		pid := postmaster(data)
		if pid == 0 {
			break
		}
		if !pause(ctx, 20*time.Millisecond) {
			return &InUseError{DataDir: s.dir, PID: pid}
		}
	}
	// What is left of one that was killed. PostgreSQL would believe it if the
	// process id has since been given to another program of its user.
	if err := os.Remove(filepath.Join(data, "postmaster.pid")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// awaitReady asks the server until it answers.
func (s *Server) awaitReady(ctx context.Context) error {
	for {
		err := s.Ping(ctx)
		if err == nil {
			return nil
		}
		timer := time.NewTimer(10 * time.Millisecond)
		select {
		case <-s.process.done:
			timer.Stop()
			tail := s.logTail()
			if lingering(tail) {
				err = errLingering
			} else {
				err = s.process.err
			}
			return fmt.Errorf("PostgreSQL did not start: %w\n%s", err, tail)
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("PostgreSQL did not answer in time: %w\n%s", err, s.logTail())
		case <-timer.C:
		}
	}
}

// Ping asks the server whether it takes connections.
func (s *Server) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	return conn.Ping(ctx)
}

// URL is the connection string of a database, with superuser rights. The
// database need not exist.
func (s *Server) URL(database string) string { return s.urlAs(superuser, database) }

// RuntimeURL is the connection string for the product itself: of the login
// RuntimeLogin, which owns nothing. schema.GrantRuntime makes it.
func (s *Server) RuntimeURL(database string) string { return s.urlAs(RuntimeLogin, database) }

func (s *Server) urlAs(login, database string) string {
	return (&url.URL{
		Scheme:   "postgres",
		User:     url.User(login),
		Host:     "",
		Path:     "/" + database,
		RawQuery: url.Values{"host": {s.socket}, "port": {port}, "sslmode": {"disable"}}.Encode(),
	}).String()
}

// EnsureDatabase creates a database unless it exists.
func (s *Server) EnsureDatabase(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var exists bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&exists); err != nil {
		return err
	}
	if exists {
		return nil
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	return err
}

// DataDir is where the files really lie.
func (s *Server) DataDir() string { return s.dir }

// Done is closed when the server has ended, be it by Stop or by itself.
func (s *Server) Done() <-chan struct{} { return s.process.done }

// Stop ends the server: sessions are cut, everything is written. It returns
// when the process is gone, and may be called more than once.
func (s *Server) Stop() {
	for _, step := range []struct {
		signal  syscall.Signal
		timeout time.Duration
	}{{syscall.SIGINT, 15 * time.Second}, {syscall.SIGQUIT, 5 * time.Second}} {
		_ = s.process.cmd.Process.Signal(step.signal) // gone already is as good
		timer := time.NewTimer(step.timeout)
		select {
		case <-s.process.done:
			timer.Stop()
			s.logger.Info("PostgreSQL has stopped", "dir", s.dir)
			release(s.lock)
			return
		case <-timer.C:
		}
	}
	s.Kill()
	release(s.lock)
}

// Kill ends the server without letting it write anything, as a crash would.
// The directory stays locked until Stop.
func (s *Server) Kill() {
	_ = s.process.cmd.Process.Kill() // gone already is as good
	<-s.process.done
}

// pause waits, and reports whether there is time left.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
