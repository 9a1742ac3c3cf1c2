package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Generations says under which generation a process issues its versions: each under one of its own, above those of
// all before it. So versions rise over a restart whatever Graph or the gateway did meanwhile, a sequence that began
// anew included, and none stands for two states. The record is one number in a file; without it the clock gives the
// number.
type Generations struct {
	path   string // empty: no record
	first  uint32
	record uint32 // the highest generation used
}

// OpenGenerations begins the generation above the record at path. With an empty path there is no record. On an error,
// which names the path, the generations returned work without one.
func OpenGenerations(path string) (*Generations, error) {
	now := uint32(time.Now().Unix()) //nolint:gosec // the seconds fit until 2106
	without := &Generations{first: now, record: now}
	if path == "" {
		return without, nil
	}
	first := now
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	} else if err == nil {
		var n uint64
		n, err = strconv.ParseUint(strings.TrimSpace(string(text)), 10, 31)
		first = uint32(n) + 1 //nolint:gosec // 31 bits
	}
	if err == nil {
		err = write(path, first)
	}
	if err != nil {
		return without, fmt.Errorf("hub: record of generations %s: %w", path, err)
	}
	return &Generations{path: path, first: first, record: first}, nil
}

// First returns the generation of users not held yet.
func (g *Generations) First() uint32 { return g.first }

// Use records that a version of this generation is about to be issued.
func (g *Generations) Use(generation uint32) error {
	if g.path == "" || generation <= g.record {
		return nil
	}
	g.record = generation
	return write(g.path, g.record)
}

// write replaces the file as a whole, and survives a power cut.
func write(path string, n uint32) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(file, n)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}
