package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Store is what the fleet needs of Redis. hub/fleet/redis is one over go-redis; a simulated one, which fails as Redis
// does, proves the fleet in tests.
//
// All methods are safe for concurrent use. Each is one attempt, bounded by its context and by a short limit of the
// store's own (about a second), so that nobody waits for a dead connection; retries are the caller's, but for those
// that a client library makes of itself, which [Append.Call] makes harmless. Nothing is ever read from a Redis replica.
//
// A store may forget what it acknowledged (fail-over), come back empty, or answer as it was some seconds ago. It may
// not make things up. That is all the fleet relies on, beside this: while one master is reached by everybody, scripts
// are atomic there.
type Store interface {
	Shards
	Lease
	Boards

	// Ping asks whether the store answers at all: every node that holds something of ours.
	Ping(ctx context.Context) error
}

// Shards holds the states: 64 parts, each with a position and a channel of messages.
type Shards interface {
	// Append does each append on its own, in one go: the answers stand in their order. Of one call all appends are for
	// different shards. An append is done whole or not at all:
	//
	//   - Where the shard's fence is above fence, or equal with another holder, nothing is done: [Fenced].
	//   - Else, where the call is the last one done for this shard, nothing is done again and its answer is repeated: it
	//     is the same append, sent twice.
	//   - Else, where the shard does not stand exactly at Message.From, nothing is done: [Foreign], and Answer.Stands says
	//     where it stands. Wherever the store tells a position, epoch, offset and digest are those last written, and
	//     the count is that of the states there are.
	//   - Else users in Forgotten and Lapsed are deleted, then States are written, then the moments in Confirmed are
	//     noted for users that have a state, the position becomes Message.To, fence, status and directory are noted, all
	//     expires [Options].Expire from now, and the message is published: [Done].
	//
	// An answer with Err says that nobody knows: it may have been done, or be done later. The same append may then be
	// tried again as it is, its Call unchanged.
	Append(ctx context.Context, fence Fence, appends []Append) []Answer

	// Load returns a shard as it stands at one instant. Where it stands exactly at known, the states may be left out:
	// Snapshot.Unchanged. A shard of which there is nothing has the zero position.
	Load(ctx context.Context, shard int, known Position) (*Snapshot, error)

	// Listen keeps all shards' channels subscribed until ctx ends, whatever happens to connections, nodes and slots,
	// and tells l. It returns nil once ctx has ended and l will not be called any more. It is called once.
	Listen(ctx context.Context, l Listener) error

	// Rejoin drops the subscription of a shard that seems deaf and makes it anew, on a new connection, with what the
	// store knows of its nodes looked up again. It does not wait: [Listener].Joined tells. Without Listen it does nothing.
	Rejoin(shard int)
}

// Listener is told what happens on the channels. For one shard calls come one after the other, for several they may
// come at once. None may block: it is called by the goroutine that reads the connection.
type Listener interface {
	// Joined says that Redis has confirmed the subscription of a shard: what is published from now on will be heard,
	// until Left. It comes anew after each resubscription, and what was published in between is lost.
	Joined(shard int)
	// Heard hands over a message. It may be kept; nobody else has it. What cannot be decoded is logged and dropped by
	// the store: the gap will be noticed.
	Heard(m *Message)
	// Left says that the shard is not subscribed now: the connection broke, or Redis ended the subscription. The store is
	// about to subscribe again.
	Left(shard int)
}

// Lease says which process may poll. Its keys are in one slot.
type Lease interface {
	// Acquire takes the lease for holder, a name that no other term of any process ever has, if nobody has it. The fence
	// returned has a number above every one given before as far as the store remembers, and above the number given: what
	// the caller has seen, for the store may have forgotten. The error is [ErrHeld], or says that nobody knows; then the
	// lease may have been taken and lapses by itself, or Release frees it.
	//
	// A grant, and each renewal, must be one that no other master can contradict: where masters fail over, a master
	// that is cut off from the others must not go on granting, or there would be two pollers for as long as that lasts.
	// A store that cannot tell answers with an error.
	Acquire(ctx context.Context, holder string, above uint64, ttl time.Duration) (Fence, error)

	// Renew makes the lease last ttl from now. [ErrLost] where it is not this fence's any longer: lapsed, taken, or
	// forgotten by the store.
	Renew(ctx context.Context, fence Fence, ttl time.Duration) error

	// Release frees the lease if its holder is still the fence's; the number does not matter, for a grant may have been
	// unheard.
	Release(ctx context.Context, fence Fence) error

	// Generation returns a generation for versions above every one returned before, as far as the store remembers, and
	// above the one given. [ErrLost] as for Renew.
	Generation(ctx context.Context, fence Fence, above uint32) (uint32, error)

	// SaveBudget keeps the record of spent reads, as safely as a grant. [ErrLost] as for Renew: then nothing is written.
	SaveBudget(ctx context.Context, fence Fence, record []byte) error

	// LoadBudget returns the record last saved and how long ago that was by the store's own clock. [ErrNone] where there
	// is none. [ErrForeign], with the record, where it was not saved at the very server, in the very life of it, that
	// answers now: it may be an older one that stands again, and more may have been spent since.
	LoadBudget(ctx context.Context, fence Fence) (record []byte, age time.Duration, err error)
}

// Boards are where large lists are posted in [Parts] parts, so that only those that changed travel: the directory, which
// the leader posts, and what each replica wants, which it posts itself. Beside them stands what the leader says of its
// reading. No bytes mean anything to the store.
type Boards interface {
	// PostDirectory posts the directory. [ErrLost] as for Renew, [ErrForeign] as for PostWants.
	PostDirectory(ctx context.Context, fence Fence, p Post) error
	// Directory returns the directory's manifest; the zero manifest where there is none.
	Directory(ctx context.Context) (Manifest, error)
	// DirectoryParts returns these parts as they stand; one that is missing is nil. They may be newer than a manifest
	// read before.
	DirectoryParts(ctx context.Context, parts []int) ([][]byte, error)

	// PostWants posts what a replica wants, and keeps all of it for ttl from now; with nothing changed it is the
	// renewal. [ErrForeign] where the manifest that stands is not p.Was, unless p is whole: then nothing is done.
	PostWants(ctx context.Context, replica string, p Post, ttl time.Duration) error
	// Wants returns the manifest of every replica whose wants have not expired.
	Wants(ctx context.Context) (map[string]Manifest, error)
	// WantsParts returns parts of one replica's, as DirectoryParts does.
	WantsParts(ctx context.Context, replica string, parts []int) ([][]byte, error)
	// Withdraw takes a replica's wants away.
	Withdraw(ctx context.Context, replica string) error

	// PostFigures keeps what the leader says of its reading for ttl from now. [ErrLost] as for Renew.
	PostFigures(ctx context.Context, fence Fence, figures []byte, ttl time.Duration) error
	// Figures returns what was posted last, and how long ago by the store's own clock. [ErrNone] where nothing stands.
	Figures(ctx context.Context) (figures []byte, age time.Duration, err error)
}

// Errors of a [Store]. Any other says that nobody knows whether the thing was done.
var (
	ErrHeld    = errors.New("fleet: another process polls")
	ErrLost    = errors.New("fleet: the lease is not ours any longer")
	ErrForeign = errors.New("fleet: something else stands there than was expected")
	ErrNone    = errors.New("fleet: there is none")
)

// Fence names a term: nobody with a lower number may write where it has written. Numbers may repeat after the store
// forgot some, so equal ones count as one term only with the same holder.
type Fence struct {
	Number uint64 // from 1
	Holder string // printable ASCII without spaces, at most 64 bytes
}

func (f Fence) String() string { return fmt.Sprintf("%d/%s", f.Number, f.Holder) }

// Parts is how many parts a board has: one for each shard's users, and one for what belongs to no shard.
const Parts = 65

// Manifest holds a hash of each part of a board, 0 for one that is empty. The zero manifest is an empty board.
type Manifest [Parts]uint64

// Post changes a board from Was to Now.
type Post struct {
	Was, Now Manifest
	Parts    map[int][]byte // those whose hash changed; an empty one is deleted
	Whole    bool           // Parts are all there are: whatever stands is replaced
}
