package plan

import "github.com/presence-gateway/presence-gateway/internal/presence"

// entry is what is known of one user. Times are nanoseconds since the plan's epoch; zero: never.
type entry struct {
	id     presence.ID
	due    int64  // refused: when to ask again
	asked  int64  // when a request with the user last left
	read   int64  // when an accepted one was last answered
	number uint32 // of the last request
	place  place
	flags  flags
	misses uint8 // answers running that left the user out
	fails  uint8 // requests running that failed

	watchers uint32
	changes  float32 // seen, as far as not faded
	expected float32 // changes that others would have made meanwhile
	class    Class
}

// place is where an entry is; at any time in one place only.
type place uint8

const (
	nowhere   place = iota // free
	newcomers              // queued, never asked
	known                  // queued
	flying                 // in a request
	waiting                // in a failed batch that must not be asked yet
	suspected              // in a part of a refused batch
	refused                // refused alone
)

type flags uint8

const (
	proven    flags = 1 << iota // was in a request that Graph accepted
	forgotten                   // no longer watched; goes when its batch is back
	gone                        // reported so
	owed                        // due since before the outage ended, not read since
)

func (f flags) has(g flags) bool { return f&g != 0 }

// group is users who are asked together, or come back together.
type group struct {
	at        []uint32
	notBefore int64
	firm      bool // Graph named the time
}
