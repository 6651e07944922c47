package qdrant

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// The log is a file of records:
//
//	magic                                    8 bytes, once
//	length of body | CRC-32C of these 4 bytes | CRC-32C of body | body
//
// all numbers little-endian, 4 bytes each. The length has a checksum of its
// own: without it, one flipped bit in a length would make everything after it
// look like an unfinished record, and cutting that off would lose acknowledged
// data in silence.
const (
	journalName  = "points.log"
	journalMagic = "CCQDRT01"
	headerSize   = 12
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// journal is the open log. append is called with Server.writing held.
type journal struct {
	path      string
	syncEvery bool  // sync each append
	cut       int64 // bytes of an unfinished record removed by openJournal

	mu     sync.Mutex // file and dirty, against the syncing goroutine
	file   *os.File
	dirty  bool
	size   int64
	broken error // after a write that could not be undone
}

// openJournal replays the records of the file, which is created if missing,
// and leaves it ready for appending.
func openJournal(path string, syncEvery bool, replay func(body []byte) error) (*journal, error) {
	// What a compaction left when it was killed before its rename.
	if err := os.Remove(path + ".new"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("qdrant: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("qdrant: %w", err)
	}
	j := &journal{path: path, syncEvery: syncEvery, file: f}
	if err := j.load(replay); err != nil {
		_ = f.Close()
		return nil, err
	}
	return j, nil
}

func (j *journal) load(replay func(body []byte) error) error {
	info, err := j.file.Stat()
	if err != nil {
		return fmt.Errorf("qdrant: %w", err)
	}
	total := info.Size()
	r := bufio.NewReaderSize(j.file, 1<<20)

	magic := make([]byte, min(total, int64(len(journalMagic))))
	if _, err := io.ReadFull(r, magic); err != nil {
		return fmt.Errorf("qdrant: read %s: %w", j.path, err)
	}
	if !bytes.HasPrefix([]byte(journalMagic), magic) {
		return fmt.Errorf("qdrant: %s is not a log of this server, or of another version", j.path)
	}
	if len(magic) < len(journalMagic) { // new, or killed while it was
		return j.start()
	}
	for good := int64(len(journalMagic)); ; {
		body, err := readRecord(r, total-good)
		switch {
		case errors.Is(err, io.EOF):
			j.size = good
			_, err := j.file.Seek(good, io.SeekStart)
			return err
		case errors.Is(err, errTorn):
			j.cut = total - good
			return j.truncate(good)
		case err != nil:
			return fmt.Errorf("qdrant: %s is damaged at byte %d of %d (%w); move it away to start empty", j.path, good, total, err)
		}
		if err := replay(body); err != nil {
			return fmt.Errorf("qdrant: %s: record at byte %d: %w", j.path, good, err)
		}
		good += headerSize + int64(len(body))
	}
}

var (
	errTorn    = errors.New("unfinished record")
	errDamaged = errors.New("checksum mismatch")
)

// readRecord reads one record of at most left bytes. A record is torn if the
// file ends within it, or if it is the last one and its checksum is wrong, or
// if nothing but zeros follows: so it looks when the process or the machine
// died while writing it. A wrong checksum with more behind it is damage.
func readRecord(r *bufio.Reader, left int64) ([]byte, error) {
	if left == 0 {
		return nil, io.EOF
	}
	if left < headerSize {
		return nil, errTorn
	}
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, err
	}
	if crc32.Checksum(header[:4], castagnoli) != binary.LittleEndian.Uint32(header[4:8]) {
		zeros, err := onlyZeros(header[:], r)
		if err != nil {
			return nil, err
		}
		if zeros {
			return nil, errTorn
		}
		return nil, errDamaged
	}
	length := int64(binary.LittleEndian.Uint32(header[:4]))
	left -= headerSize
	if length > left {
		return nil, errTorn
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, err
	}
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(header[8:]) {
		if length == left {
			return nil, errTorn
		}
		return nil, errDamaged
	}
	return body, nil
}

func onlyZeros(head []byte, rest io.Reader) (bool, error) {
	buffer := make([]byte, 64<<10)
	chunk := head
	for {
		for _, b := range chunk {
			if b != 0 {
				return false, nil
			}
		}
		n, err := rest.Read(buffer)
		chunk = buffer[:n]
		if errors.Is(err, io.EOF) && n == 0 {
			return true, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
	}
}

// frame puts the header before a body.
func frame(body []byte) []byte {
	record := make([]byte, headerSize, headerSize+len(body))
	binary.LittleEndian.PutUint32(record[0:4], uint32(len(body)))
	binary.LittleEndian.PutUint32(record[4:8], crc32.Checksum(record[0:4], castagnoli))
	binary.LittleEndian.PutUint32(record[8:12], crc32.Checksum(body, castagnoli))
	return append(record, body...)
}

// append writes a framed record. If it fails, the file is as before, or no
// further append is accepted.
func (j *journal) append(record []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken != nil {
		return j.broken
	}
	_, err := j.file.Write(record)
	if err == nil && j.syncEvery {
		err = j.file.Sync()
	}
	if err != nil {
		if undo := j.truncate(j.size); undo != nil {
			j.broken = fmt.Errorf("qdrant: the log is unusable: %w", errors.Join(err, undo))
		}
		return fmt.Errorf("qdrant: append: %w", err)
	}
	j.size += int64(len(record))
	j.dirty = !j.syncEvery
	return nil
}

func (j *journal) sync() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.dirty {
		return nil
	}
	if err := j.file.Sync(); err != nil {
		return err
	}
	j.dirty = false
	return nil
}

func (j *journal) close() error {
	return errors.Join(j.sync(), j.file.Close())
}

func (j *journal) truncate(size int64) error {
	if err := j.file.Truncate(size); err != nil {
		return err
	}
	if _, err := j.file.Seek(size, io.SeekStart); err != nil {
		return err
	}
	j.size = size
	return j.file.Sync()
}

// start makes an empty log.
func (j *journal) start() error {
	if err := j.truncate(0); err != nil {
		return err
	}
	if _, err := j.file.WriteString(journalMagic); err != nil {
		return err
	}
	j.size = int64(len(journalMagic))
	return errors.Join(j.file.Sync(), syncDirectory(j.path))
}

// replace writes a new log with the records that write gives it and puts it in
// the old one's place in one step: a kill leaves the one or the other.
func (j *journal) replace(write func(add func(body []byte) error) error) error {
	path := j.path + ".new"
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	installed := false
	defer func() {
		if !installed {
			_ = f.Close()
			_ = os.Remove(path)
		}
	}()
	w := bufio.NewWriterSize(f, 1<<20)
	size := int64(len(journalMagic))
	if _, err := w.WriteString(journalMagic); err != nil {
		return err
	}
	err = write(func(body []byte) error {
		record := frame(body)
		size += int64(len(record))
		_, err := w.Write(record)
		return err
	})
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(path, j.path)
	}
	if err != nil {
		return err
	}
	j.mu.Lock()
	_ = j.file.Close() // replaced; nothing of it is needed
	j.file, j.size, j.dirty = f, size, false
	installed = true
	j.mu.Unlock()
	// Should the sync of the rename fail, either log is there after a crash,
	// and both are whole.
	return syncDirectory(j.path)
}

func syncDirectory(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
