package fleet

import (
	"fmt"
	"time"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Position is where a shard stands. Two tables at the same position are equal: an epoch is random, and begun by each
// term and whenever a shard did not stand where it was believed to, so that offsets counted again after a loss
// are not taken for those lost. The zero position is a shard of which there is nothing.
type Position struct {
	Epoch  uint64 // random, not 0
	Offset uint64 // counts the appends of the epoch that changed a state
	Count  int    // how many states there are, gone ones included
	Digest uint64 // all of them XORed, see [presence.State.Digest]
}

// IsZero reports whether nothing stands there.
func (p Position) IsZero() bool { return p == Position{} }

func (p Position) String() string {
	return fmt.Sprintf("%016x+%d/%d/%016x", p.Epoch, p.Offset, p.Count, p.Digest)
}

// Message is what is published on a shard's channel: how it came from one position to the next. Without states it is a
// beat, sent each second, in which From and To are the same. Who stands at From stands at To after applying it; anybody
// else has missed something and must load.
type Message struct {
	Shard    int
	Fence    uint64 // the term's number
	From, To Position

	Forgotten []presence.ID // no longer watched by configuration: dropped, and taken off every list
	Lapsed    []presence.ID // nobody was interested any longer: dropped where that is still so
	States    []hub.Item    // what changed, after the drops, each user once
	Reload    bool          // there are too many States to publish: they are written, and everybody loads
	Confirmed []Confirmed   // reads that brought nothing new

	Status    presence.Status // of the reads
	Directory uint64          // names the manifest of the directory that stands; 0: none yet
	At        time.Time       // when it was made, by the leader's clock
}

// Confirmed says of some users that their states, as of the message's To, were still right in a read begun at Asked.
type Confirmed struct {
	Asked time.Time
	Users []presence.ID
}

// Append is a message to be written and published.
type Append struct {
	Call    string // names it: the same however often it is sent, and no other append's; printable ASCII
	Message        // with Reload, States are written but not published
}

// Outcome says what became of an [Append].
type Outcome uint8

// The outcomes. They mean something only without an Err.
const (
	Done    Outcome = iota // written and published
	Foreign                // refused: the shard stands elsewhere
	Fenced                 // refused: another term has written there
)

// Answer is what became of an [Append].
type Answer struct {
	Outcome Outcome
	Stands  Position // where the shard stands now
	Fence   uint64   // the number that stands there
	Err     error    // nobody knows: it may have been done
}

// Snapshot is a shard as it stood at one instant.
type Snapshot struct {
	Position
	Fence     uint64
	Unchanged bool       // it stands where the caller knows it to; States are left out
	States    []hub.Item // all of them; ObservedAt is the read that last confirmed each
	Status    presence.Status
	Directory uint64
}
