package main

import (
	"os"
	"sync"
	"time"
)

// appended is a file that is only ever written at its end. Whoever moves it away, as log rotation does, finds a new one
// in its place. Safe for concurrent use.
type appended struct {
	path string

	mu     sync.Mutex
	file   *os.File
	looked time.Time
}

func openAppended(path string) (*appended, error) {
	a := &appended{path: path, looked: time.Now()}
	return a, a.follow()
}

// Write appends p, in one piece.
func (a *appended) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := time.Now(); a.file == nil || now.Sub(a.looked) >= time.Second {
		a.looked = now
		if err := a.follow(); err != nil {
			return 0, err
		}
	}
	return a.file.Write(p)
}

// follow opens the file anew if another one, or none, is in its place.
func (a *appended) follow() error {
	if a.file != nil {
		ours, err := a.file.Stat()
		there, missing := os.Stat(a.path)
		if err == nil && missing == nil && os.SameFile(ours, there) {
			return nil
		}
		_ = a.file.Close()
		a.file = nil
	}
	file, err := os.OpenFile(a.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err == nil {
		a.file = file
	}
	return err
}

// Close closes the file.
func (a *appended) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.file == nil {
		return nil
	}
	return a.file.Close()
}
