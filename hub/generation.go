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

// Generations says under which generation a process issues its versions.
//
// Most versions are Graph's own numbers: any process gives a state the same one, and a restart costs nothing. Only
// where the gateway had to make up a part (no number, other content under an equal number, a sequence that began
// anew) would a process that knows nothing of it begin too low. The record, one number in a file, prevents that:
// before such a version is issued the record is raised above its generation, once, and the next process begins there.
// Without a record the clock gives the number.
type Generations struct {
	path   string // empty: no record
	first  uint32
	record uint32 // where the next process will begin
}

// OpenGenerations reads the record at path, or begins one. With an empty path there is none. On an error, which
// names the path, the generations returned work without a record.
func OpenGenerations(path string) (*Generations, error) {
	now := uint32(time.Now().Unix()) //nolint:gosec // the seconds fit until 2106
	g := &Generations{first: now, record: now}
	if path == "" {
		return g, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = write(path, now)
	} else if err == nil {
		var n uint64
		if n, err = strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32); err == nil {
			g.first, g.record = uint32(n), uint32(n)
			err = write(path, g.record) // shows at once whether it can be raised later
		}
	}
	if err != nil {
		*g = Generations{first: now, record: now}
		return g, fmt.Errorf("hub: record of generations %s: %w", path, err)
	}
	g.path = path
	return g, nil
}

// First returns the generation of users not held yet.
func (g *Generations) First() uint32 { return g.first }

// Spend makes sure that the next process begins above the given generation.
func (g *Generations) Spend(generation uint32) error {
	if g.path == "" || generation < g.record {
		return nil
	}
	g.record = generation + 1
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
