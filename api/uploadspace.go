package api

import (
	"math"
	"os"
	"sync"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
)

// UploadLimits bound what uploads may hold of this process at once. A limit of
// 0 is replaced by its default.
type UploadLimits struct {
	AtOnce, AtOncePerUser int
	Bytes, BytesPerUser   int64 // in the staging directory
	// DiskReserve is how many bytes of the staging directory's disk are left
	// free; negative leaves none.
	DiskReserve int64
}

func (l *UploadLimits) setDefaults(maxFileSize int64) {
	l.AtOnce, l.AtOncePerUser = orDefault(l.AtOnce, 32), orDefault(l.AtOncePerUser, 6)
	l.Bytes, l.BytesPerUser = orDefault(l.Bytes, 4<<30), orDefault(l.BytesPerUser, 1<<30)
	l.DiskReserve = orDefault(l.DiskReserve, 512<<20)
	// The largest file that may be uploaded always has room.
	l.Bytes, l.BytesPerUser = max(l.Bytes, maxFileSize), max(l.BytesPerUser, maxFileSize)
}

func orDefault[N int | int64](value, standard N) N {
	if value == 0 {
		return standard
	}
	return value
}

// diskCheck is after how many bytes the free space is looked at again.
const diskCheck = 4 << 20

// uploadSpace shares out the staging directory.
type uploadSpace struct {
	limits  UploadLimits
	free    func() int64 // bytes free on the disk
	metrics Metrics

	mu        sync.Mutex
	running   int
	bytes     int64
	users     map[chatconnect.UserID]*userSpace
	unchecked int64 // bytes since the free space was looked at
}

type userSpace struct {
	running int
	bytes   int64
}

func newUploadSpace(limits UploadLimits, directory string, metrics Metrics) *uploadSpace {
	return &uploadSpace{
		limits: limits, metrics: metrics, users: map[chatconnect.UserID]*userSpace{},
		free: func() int64 { return freeBytes(directory) },
	}
}

// uploadShare is what one upload holds.
type uploadShare struct {
	space *uploadSpace
	user  chatconnect.UserID
	bytes int64
}

// enter admits an upload. The caller calls leave once.
func (u *uploadSpace) enter(user chatconnect.UserID) (*uploadShare, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	of := u.users[user]
	switch {
	case of != nil && of.running >= u.limits.AtOncePerUser:
		return nil, u.refuse(chatconnect.KindRateLimited, "too_many_uploads", "Too many of your uploads are under way. Wait until one has ended.")
	case u.running >= u.limits.AtOnce:
		return nil, u.refuse(chatconnect.KindUnavailable, "uploads_busy", "Too many uploads are under way. Please try again in a moment.")
	case u.free() < u.limits.DiskReserve:
		return nil, u.diskFull()
	}
	if of == nil {
		of = &userSpace{}
		u.users[user] = of
	}
	u.running++
	of.running++
	u.metrics.UploadsChanged(1)
	return &uploadShare{space: u, user: user}, nil
}

// take counts bytes before they are written.
func (s *uploadShare) take(n int64) error {
	u := s.space
	u.mu.Lock()
	defer u.mu.Unlock()
	of := u.users[s.user]
	switch {
	case of.bytes+n > u.limits.BytesPerUser:
		return u.refuse(chatconnect.KindRateLimited, "upload_space_exceeded", "Your uploads under way are too large together. Wait until one has ended.")
	case u.bytes+n > u.limits.Bytes:
		return u.full()
	}
	if u.unchecked += n; u.unchecked >= diskCheck {
		if u.unchecked = 0; u.free() < u.limits.DiskReserve {
			u.unchecked = diskCheck // the next one looks too
			return u.diskFull()
		}
	}
	s.change(n)
	return nil
}

// give takes bytes back whose file is gone.
func (s *uploadShare) give(n int64) {
	s.space.mu.Lock()
	defer s.space.mu.Unlock()
	s.change(-n)
}

func (s *uploadShare) leave() {
	u := s.space
	u.mu.Lock()
	defer u.mu.Unlock()
	s.change(-s.bytes)
	of := u.users[s.user]
	if of.running--; of.running == 0 {
		delete(u.users, s.user)
	}
	u.running--
	u.metrics.UploadsChanged(-1)
}

// change is called with the lock held.
func (s *uploadShare) change(n int64) {
	s.bytes += n
	s.space.bytes += n
	s.space.users[s.user].bytes += n
	s.space.metrics.StagedBytesChanged(n)
}

const uploadRetry = 5 * time.Second

func (u *uploadSpace) refuse(kind chatconnect.Kind, code, message string) *chatconnect.Error {
	u.metrics.UploadRefused(code)
	return &chatconnect.Error{Kind: kind, Code: code, Message: message, RetryAfter: uploadRetry}
}

func (u *uploadSpace) full() error {
	return u.refuse(chatconnect.KindUnavailable, "upload_space_full", "The server has no room for more files at this moment. Please try again in a moment.")
}

func (u *uploadSpace) diskFull() error {
	return u.refuse(chatconnect.KindUnavailable, "upload_space_full", "The server has no room for more files at this moment. Please try again later.").
		Because(errDiskFull)
}

// countedFile is a temporary file whose bytes are counted before they are
// written. It remembers its own errors, so that a full disk is not taken for a
// sender who went away.
type countedFile struct {
	file    *os.File
	share   *uploadShare
	written int64
	err     error
}

func (f *countedFile) Write(p []byte) (int, error) {
	if f.err = f.share.take(int64(len(p))); f.err != nil {
		return 0, f.err
	}
	f.written += int64(len(p))
	n, err := f.file.Write(p)
	f.err = err
	return n, err
}

// unknownFree is for systems that don't tell.
const unknownFree = math.MaxInt64
