package hub

import (
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Options configure a [Hub]. The zero value works.
type Options struct {
	ResetAfter  time.Duration // how long a sequence must stay lower before its reset is believed; 0 means 30 s
	Generations *Generations  // where versions continue after a restart; nil begins from the clock
	Log         *zap.Logger   // nil logs nothing
}

// Hub is the one table of a process. It is safe for concurrent use.
type Hub struct {
	log         *zap.Logger
	generations *Generations

	mu       sync.RWMutex
	rule     presence.Rule
	tick     uint64 // counts the calls that changed something
	table    table
	sums     [presence.Shards]Sum
	highest  uint32  // generation of any version ever held
	lists    []*list // by number; nil where free
	free     []uint32
	doubts   map[uint32]*presence.Doubt // by handle; sparse
	fresh    presence.Doubt             // where the next one begins; most end here, empty
	settling time.Time                  // when the doubts were last looked through
	waiters  map[uint32][]*waiter
	interest interest

	side      sync.Mutex // status and directory; taken alone
	status    presence.Status
	directory *presence.Directory
	loaded    chan struct{} // closed once there is one
	changed   chan struct{}
}

// New returns an empty hub.
func New(o Options) *Hub {
	if o.ResetAfter == 0 {
		o.ResetAfter = 30 * time.Second
	}
	if o.Generations == nil {
		o.Generations, _ = OpenGenerations("")
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return &Hub{
		log:         o.Log,
		generations: o.Generations,
		rule:        presence.Rule{ResetAfter: o.ResetAfter, Generation: o.Generations.First()},
		doubts:      map[uint32]*presence.Doubt{},
		waiters:     map[uint32][]*waiter{},
		interest:    interest{wake: make(chan struct{}, 1)},
		directory:   presence.NewDirectory(nil, nil, nil),
		loaded:      make(chan struct{}),
		changed:     make(chan struct{}),
	}
}

// Report sets the status that everyone is told.
func (h *Hub) Report(s presence.Status) {
	h.side.Lock()
	defer h.side.Unlock()
	if h.status == s {
		return
	}
	h.status = s
	h.announce()
}

// Describe sets who is watched, and what is known of groups and names.
func (h *Hub) Describe(d *presence.Directory) {
	h.side.Lock()
	defer h.side.Unlock()
	h.directory = d
	select {
	case <-h.loaded:
	default:
		close(h.loaded)
	}
	h.announce()
}

// Loaded returns a channel that is closed once the hub knows who is watched. Before, it cannot be told who is not.
func (h *Hub) Loaded() <-chan struct{} { return h.loaded }

func (h *Hub) announce() {
	close(h.changed)
	h.changed = make(chan struct{})
}

// Status returns what was last reported.
func (h *Hub) Status() presence.Status {
	h.side.Lock()
	defer h.side.Unlock()
	return h.status
}

// Directory returns what was last described; it is never nil.
func (h *Hub) Directory() *presence.Directory {
	h.side.Lock()
	defer h.side.Unlock()
	return h.directory
}

// Changed returns a channel that is closed at the next change of status or directory. Take it before looking at
// them, or a change between the two goes unnoticed.
func (h *Hub) Changed() <-chan struct{} {
	h.side.Lock()
	defer h.side.Unlock()
	return h.changed
}

// Item is a state as it stands, with what is true at the moment only.
type Item struct {
	presence.State           // Version zero: not read yet. Content nil otherwise: gone
	ObservedAt     time.Time // when the last read that confirmed the state was begun
	AnsweredAt     time.Time // when the answer that made the state had arrived; zero: unknown
}

// Pending reports whether the user was not read yet.
func (i *Item) Pending() bool { return i.Version.IsZero() }

// Gone reports whether Graph does not know the user.
func (i *Item) Gone() bool { return i.Content == nil && !i.Version.IsZero() }

// Get appends one item for each id, in their order.
func (h *Hub) Get(dst []Item, ids ...presence.ID) []Item {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, id := range ids {
		if handle, found := h.table.find(id); found {
			dst = append(dst, h.table.at(handle).item())
		} else {
			dst = append(dst, Item{State: presence.State{ID: id}})
		}
	}
	return dst
}

// Watchers returns how many subscriptions watch id, by name or through a set.
func (h *Hub) Watchers(id presence.ID) int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	handle, found := h.table.find(id)
	if !found {
		return 0
	}
	return h.watchers(h.table.at(handle))
}

func (h *Hub) watchers(e *entry) (watchers int) {
	for _, number := range e.lists {
		watchers += h.lists[number].watchers()
	}
	return watchers
}
