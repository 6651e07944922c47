package qdrant

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	pb "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
)

// version is the Qdrant release whose behaviour this server follows.
const version = "1.17.1"

// Options configure a Server. The zero value is ready to use.
type Options struct {
	// APIKey, if set, is required of every call.
	APIKey string
	// SyncInterval is how long a change may stay in the operating system's
	// cache; default 1 s. Negative: every change is synced before it is
	// acknowledged.
	SyncInterval time.Duration
	Logger       *slog.Logger // slog.Default() if nil
}

// Server is a Qdrant-compatible server on one directory.
type Server struct {
	log  *slog.Logger
	grpc *grpc.Server
	lock *os.File

	// writing serialises changes: prepare, log, apply. Only its holder
	// changes state, so it may read it freely.
	writing sync.Mutex
	journal *journal
	closed  bool
	// reading guards state against being applied to while it is read.
	reading sync.RWMutex
	state   *state

	stopSync  chan struct{}
	syncEnded chan struct{}
	closeOnce sync.Once
	closeErr  error
}

// Open loads the directory, which is created if missing, and takes it for this
// process: a second Open of it fails until Close or the end of the process. A
// log that ends in the middle of a record, as it does after a kill, is cut
// there; one that is damaged before its end is refused.
func Open(dir string, options Options) (*Server, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("qdrant: %w", err)
	}
	lock, err := lockDirectory(dir)
	if err != nil {
		return nil, err
	}
	s := &Server{log: options.Logger, lock: lock, state: newState(), stopSync: make(chan struct{}), syncEnded: make(chan struct{})}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.journal, err = openJournal(filepath.Join(dir, journalName), options.SyncInterval < 0, s.state.replay); err != nil {
		_ = unlock(lock)
		return nil, err
	}
	if cut := s.journal.cut; cut > 0 {
		s.log.Warn("qdrant: cut an unfinished record off the log", "dir", dir, "bytes", cut)
	}
	if err := s.compactIfWorthwhile(); err != nil {
		_ = s.journal.close()
		_ = unlock(lock)
		return nil, err
	}
	go s.syncRegularly(options.SyncInterval)
	s.grpc = newGRPC(s, options.APIKey)
	return s, nil
}

// lockDirectory holds an flock, which the kernel drops when the process dies
// in whatever way.
func lockDirectory(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "LOCK"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("qdrant: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("qdrant: %s is in use by another process", dir)
		}
		return nil, fmt.Errorf("qdrant: lock %s: %w", dir, err)
	}
	return f, nil
}

// unlock gives the directory back. Closing the file would not do: between fork
// and exec a child process of ours holds it too.
func unlock(lock *os.File) error {
	return errors.Join(syscall.Flock(int(lock.Fd()), syscall.LOCK_UN), lock.Close())
}

func newGRPC(s *Server, apiKey string) *grpc.Server {
	server := grpc.NewServer(
		// The client pings every 10 s, idle or not; by default grpc would cut
		// it off for pinging more often than every 5 minutes.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
		// The real server's gRPC accepts messages of any size.
		grpc.MaxRecvMsgSize(math.MaxInt32),
		grpc.MaxSendMsgSize(math.MaxInt32),
		grpc.ChainUnaryInterceptor(authenticate(apiKey), refuseUnknownFields),
	)
	pb.RegisterQdrantServer(server, healthService{})
	pb.RegisterCollectionsServer(server, &collectionsService{s: s})
	pb.RegisterPointsServer(server, &pointsService{s: s})
	healthpb.RegisterHealthServer(server, health.NewServer())
	return server
}

// Serve answers calls on lis until Close, then returns nil. It may be called
// for several listeners.
func (s *Server) Serve(lis net.Listener) error {
	if err := s.grpc.Serve(lis); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("qdrant: %w", err)
	}
	return nil
}

// Close lets calls under way finish for up to five seconds, syncs the log and
// gives the directory back.
func (s *Server) Close() error {
	s.closeOnce.Do(func() {
		ended := make(chan struct{})
		go func() { s.grpc.GracefulStop(); close(ended) }()
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			s.grpc.Stop()
			<-ended
		}
		close(s.stopSync)
		<-s.syncEnded
		s.writing.Lock()
		defer s.writing.Unlock()
		s.closed = true
		s.closeErr = errors.Join(s.journal.close(), unlock(s.lock))
	})
	return s.closeErr
}

func (s *Server) syncRegularly(interval time.Duration) {
	defer close(s.syncEnded)
	if interval < 0 {
		return // every append is synced
	}
	if interval == 0 {
		interval = time.Second
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-s.stopSync:
			return
		case <-ticker.C:
			if err := s.journal.sync(); err != nil {
				s.log.Error("qdrant: sync the log", "error", err)
			}
		}
	}
}

type healthService struct{ pb.UnimplementedQdrantServer }

func (healthService) HealthCheck(context.Context, *pb.HealthCheckRequest) (*pb.HealthCheckReply, error) {
	return &pb.HealthCheckReply{Title: "ChatConnect stand-in for qdrant", Version: version}, nil
}
