package budget

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

var (
	errHeld = errors.New("held by another process")
	errNone = errors.New("no record")
)

// maxRecordBytes bounds what is read back. A record of 1,500 places has some 10 KiB.
const maxRecordBytes = 16 << 20

// file is the record's place on disk. A lock beside it keeps other processes away while this one lives: the record
// itself is replaced whole, and a lock would go with the old one.
type file struct {
	dir, path string
	lock      *os.File
}

func openFile(dir, identity string) (*file, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(identity))
	path := filepath.Join(dir, "budget-"+hex.EncodeToString(sum[:8]))
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := tryLock(lock); err != nil {
		lock.Close()
		return nil, err
	}
	return &file{dir: dir, path: path + ".json", lock: lock}, nil
}

func (f *file) read() (record, time.Duration, error) {
	info, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return record{}, 0, errNone
	}
	if err == nil && (!info.Mode().IsRegular() || info.Size() > maxRecordBytes) {
		err = fmt.Errorf("%s: not a record", f.path)
	}
	if err != nil {
		return record{}, 0, err
	}
	text, err := os.ReadFile(f.path)
	if err != nil {
		return record{}, 0, err
	}
	r, err := parseRecord(text)
	if err != nil {
		return record{}, 0, fmt.Errorf("%s: %w", f.path, err)
	}
	return r, 0, nil
}

// write replaces the record. When it returns nil the new one outlives the process and the machine's power.
func (f *file) write(r record) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	draft := f.path + ".new"
	if err := writeSynced(draft, text); err != nil {
		os.Remove(draft)
		return err
	}
	if err := os.Rename(draft, f.path); err != nil {
		return err
	}
	return syncFolder(f.dir)
}

func writeSynced(path string, text []byte) error {
	draft, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = draft.Write(text)
	if err == nil {
		err = draft.Sync()
	}
	return errors.Join(err, draft.Close())
}

// spoil empties the record, which needs no room on the disk, so that it is taken for a crash's. It reports whether
// that worked.
func (f *file) spoil() bool { return os.Truncate(f.path, 0) == nil }

// close lets other processes have the record. The system does the same when a process dies.
func (f *file) close() { f.lock.Close() }
