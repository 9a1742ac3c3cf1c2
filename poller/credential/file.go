package credential

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// maxFileBytes bounds every file: a PFX with a long chain has some 10 KiB.
const maxFileBytes = 256 << 10

// file is one that is read again when it changes: by its inode, size or time, through symbolic links, so that a mounted
// secret's swap counts.
type file struct {
	key, path string
	seen      fs.FileInfo // nil: the last look found none
	content   []byte
	failed    bool
}

// refresh looks at the file, and reads it if it is another one. It reports whether the content is another one, or whether
// the file can be used as little as before; the error names the file.
func (f *file) refresh() (changed bool, err error) {
	info, err := os.Stat(f.path)
	if err == nil && f.seen != nil && same(f.seen, info) && settled(info) {
		return false, nil
	}
	var content []byte
	if err == nil {
		content, err = read(f.path, info)
	}
	if err != nil {
		f.seen, f.failed = nil, true
		return false, &Error{Kind: FileUnusable, Where: f.key + " " + f.path, Text: "the file cannot be read", Err: bare(err), Remedy: "mend the file, it is read again when it changes"}
	}
	changed = f.failed || !bytes.Equal(content, f.content)
	f.seen, f.content, f.failed = info, content, false
	return changed, nil
}

func same(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// settled reports whether a file is old enough that another write would show in its time: file systems count it in
// steps, of milliseconds up to two seconds.
func settled(info fs.FileInfo) bool { return time.Since(info.ModTime()) > 2*time.Second }

func read(path string, info fs.FileInfo) ([]byte, error) {
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file") // a pipe would block
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxFileBytes+1))
	switch {
	case err != nil:
		return nil, err
	case len(content) > maxFileBytes:
		return nil, errors.New("too large to be a credential")
	case len(bytes.TrimSpace(content)) == 0:
		return nil, errors.New("empty")
	}
	return content, nil
}

// bare leaves out the path, which is named already.
func bare(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
