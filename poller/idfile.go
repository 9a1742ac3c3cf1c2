package poller

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

const (
	maxIDFile    = 256 << 20 // bytes: some six million lines
	maxIDLine    = 4 << 10
	saidProblems = 20 // of one file; the rest is counted
)

// parseIDs reads one id per line. What follows a # is a comment. Lines that are no id are left out, each with a
// problem that names it; name is the file's.
func parseIDs(text []byte, name string) (ids []presence.ID, problems []error) {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, maxIDLine)
	seen := map[presence.ID]bool{}
	more := 0
	number := 0
	complain := func(err error) {
		if len(problems) < saidProblems {
			problems = append(problems, fmt.Errorf("%s:%d: %w", name, number, err))
		} else {
			more++
		}
	}
	for lines.Scan() {
		number++
		line, _, _ := bytes.Cut(lines.Bytes(), []byte("#"))
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		id, err := presence.ParseID(string(line))
		if err != nil || id.IsZero() {
			complain(presence.ErrID)
			continue
		}
		if !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	if err := lines.Err(); err != nil {
		number++
		complain(fmt.Errorf("%w: nothing from here on is read", err))
	}
	if more > 0 {
		problems = append(problems, fmt.Errorf("%s: %d more lines are no user id", name, more))
	}
	return ids, problems
}

// idFile is a file of ids that is read again when it is another one, through symbolic links.
type idFile struct {
	path     string
	seen     fs.FileInfo
	content  [sha256.Size]byte
	complain string // what the log has
}

// look returns the file's ids if they are news.
func (f *idFile) look() (ids []presence.ID, problems []error, news bool, err error) {
	info, err := os.Stat(f.path)
	if err != nil {
		return nil, nil, false, err
	}
	// File systems count time in steps: what was written lately may have been written again.
	if f.seen != nil && os.SameFile(f.seen, info) && f.seen.Size() == info.Size() &&
		f.seen.ModTime().Equal(info.ModTime()) && time.Since(info.ModTime()) > 3*time.Second {
		return nil, nil, false, nil
	}
	switch {
	case !info.Mode().IsRegular():
		return nil, nil, false, fmt.Errorf("%s: not a regular file", f.path)
	case info.Size() > maxIDFile:
		return nil, nil, false, fmt.Errorf("%s: larger than %d MiB", f.path, maxIDFile>>20)
	}
	text, err := os.ReadFile(f.path)
	if err != nil {
		return nil, nil, false, err
	}
	content := sha256.Sum256(text)
	first := f.seen == nil
	f.seen = info
	if !first && content == f.content {
		return nil, nil, false, nil
	}
	f.content = content
	ids, problems = parseIDs(text, f.path)
	return ids, problems, true, nil
}

// first is the look at the start, where a file that cannot be read is an error.
func (f *idFile) first() ([]presence.ID, []error, error) {
	ids, problems, _, err := f.look()
	return ids, problems, err
}

// again is every later look: a file that cannot be read leaves things as they were. It is reported once.
func (f *idFile) again(report func(error)) (ids []presence.ID, problems []error, news bool) {
	ids, problems, news, err := f.look()
	switch {
	case err == nil:
		f.complain = ""
	case f.complain != err.Error():
		f.complain = err.Error()
		report(err)
	}
	return ids, problems, news
}

// mustBeWhole turns the problems of a file in which none may be overlooked into an error.
func mustBeWhole(problems []error) error { return errors.Join(problems...) }
