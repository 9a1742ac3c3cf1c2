package fleet

import (
	"context"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Jitter has the fleet take its random times from there, so that what happened can happen again.
func (f *Fleet) Jitter(jitter func(time.Duration) time.Duration) { f.jitter = jitter }

// Reload does what loaders do, until none has anything to do, and reports whether the shard is current then.
func (f *Fleet) Reload(shard int) bool {
	for {
		select {
		case number := <-f.loads:
			f.shards[number].load(context.Background())
		default:
			s := &f.shards[shard]
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.current
		}
	}
}

// Look is what the watch does at a moment.
func (f *Fleet) Look(shard int, now time.Time) { f.shards[shard].look(now) }

// Passed sends a directory, or wants, through the parts.
func Passed(d *presence.Directory) (*presence.Directory, error) {
	parts := split(d)
	var joined [Parts]part
	for i := range parts {
		if err := parsePart(appendPart(&parts[i], i == Parts-1), &joined[i]); err != nil {
			return nil, err
		}
	}
	return join(&joined), nil
}

var (
	AppendWants = appendWants
	AppendAhead = appendAhead
	ParseWants  = parseWants
	ParseAhead  = parseAhead
)

// ParsePart reads a part of a directory.
func ParsePart(bytes []byte) error { return parsePart(bytes, new(part)) }

// Stand makes a shard current at a position.
func (f *Fleet) Stand(shard int, at Position) {
	s := &f.shards[shard]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at, s.current, s.queued = at, true, false
}

func (f *Fleet) Complain(what string) { f.complain(what) }
