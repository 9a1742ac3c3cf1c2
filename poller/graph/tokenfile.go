package graph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
)

// maxTokenBytes bounds a token file. Tokens with many groups or roles reach some 10 KiB.
const maxTokenBytes = 64 << 10

// TokenFileOptions of a [FileCredential]. The zero value works.
type TokenFileOptions struct {
	Log *zap.Logger // nil: none
}

// FileCredential is a token that someone else puts into a file and keeps fresh there. It looks at the file each
// time it is asked, and reads it anew when it is another one: by its inode, size or time, through symbolic links,
// so that a mounted secret's swap counts. A file that cannot be used leaves the last good token in force and is
// reported in the log once.
//
// It is safe for concurrent use.
type FileCredential struct {
	path string
	log  *zap.Logger

	mu       sync.Mutex
	token    *Token      // nil: none yet. A pointer, or fmt would print the value of a credential's field
	seen     fs.FileInfo // the file that gave token; nil: the last look gave none
	failure  error       // why it did not
	reported string      // the failure that the log has
	tried    bool        // whether there was a first look
	changed  chan struct{}
}

// TokenFile returns a credential that takes its token from the file at path. It does not look at the file yet.
func TokenFile(path string, o TokenFileOptions) *FileCredential {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return &FileCredential{path: path, log: o.Log.Named("credential"), changed: make(chan struct{})}
}

// Token returns what the file holds, or last held while it was good. The error names the file and what is wrong
// with it.
func (f *FileCredential) Token(context.Context) (Token, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refresh()
	if f.token == nil {
		return Token{}, f.failure
	}
	return *f.token, nil
}

// Changed returns a channel that is closed when the file next changes for a good one: the moment to try again
// what was refused. Someone must look at the file meanwhile, by [FileCredential.Token] or [FileCredential.Run].
func (f *FileCredential) Changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}

// Run looks at the file twice a second until ctx ends, so that [FileCredential.Changed] is heard although nobody
// asks for a token. It returns nil.
func (f *FileCredential) Run(ctx context.Context) error {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		f.mu.Lock()
		f.refresh()
		f.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// refresh reads the file if it is not the one seen last. f.mu is held.
func (f *FileCredential) refresh() {
	info, err := os.Stat(f.path)
	same := err == nil && f.seen != nil && sameFile(f.seen, info)
	if same && settled(info) {
		return
	}
	first := !f.tried
	f.tried = true
	var token Token
	if err == nil {
		token, err = readToken(f.path, info)
	}
	if err != nil {
		f.seen, f.failure = nil, err
		if f.token != nil && f.reported != err.Error() {
			f.reported = err.Error()
			f.log.Warn("token file cannot be used, the last good token stays in force", zap.Error(err))
		}
		return
	}
	f.seen, f.failure, f.reported = info, nil, ""
	if same && token == *f.token {
		return
	}
	f.token = &token
	if first {
		return
	}
	f.log.Info("token file read again", zap.String("file", f.path), zap.Time("expires", token.Expires))
	close(f.changed)
	f.changed = make(chan struct{})
}

func sameFile(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// settled reports whether a file is old enough that another write would show in its time: file systems count it
// in steps, of milliseconds up to two seconds.
func settled(info fs.FileInfo) bool { return time.Since(info.ModTime()) > 2*time.Second }

// readToken returns the token in a file, without the space around it. No error holds any of it.
func readToken(path string, info fs.FileInfo) (Token, error) {
	if !info.Mode().IsRegular() {
		return Token{}, fmt.Errorf("%s: not a regular file", path) // a pipe would block
	}
	file, err := os.Open(path)
	if err != nil {
		return Token{}, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxTokenBytes+1))
	if err != nil {
		return Token{}, err
	}
	if len(text) > maxTokenBytes {
		return Token{}, fmt.Errorf("%s: larger than %d bytes, that is no token", path, maxTokenBytes)
	}
	token := strings.TrimSpace(string(text))
	if err := wellFormed(token); err != nil {
		return Token{}, fmt.Errorf("%s: %w", path, err)
	}
	return Token{Value: token, Expires: expiry(token)}, nil
}

// wellFormed accepts what can stand behind "Bearer " in a header: visible ASCII, in one piece.
func wellFormed(token string) error {
	if token == "" {
		return errors.New("empty")
	}
	for _, c := range []byte(token) {
		switch {
		case c == '\n' || c == '\r':
			return errors.New("more than one line: the file holds the token alone")
		case c == ' ' || c == '\t':
			return errors.New(`a space inside: the file holds the token alone, without "Bearer"`)
		case c <= ' ' || c >= 0x7f:
			return errors.New("a character that no token has")
		}
	}
	return nil
}
