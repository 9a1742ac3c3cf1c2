package fleet

import (
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

const (
	wantsPost  = 250 * time.Millisecond // how often what changed is posted, at most
	wantsLook  = 300 * time.Millisecond // how often the leader looks
	wantsRenew = wantsTTL / 4
)

// wants is whom this process's hub watches, posted for the leader in a part for each shard. The last part names users of
// whom the hub holds more than the truth, so that the leader gives their states anew.
type wants struct {
	fleet   *Fleet
	stirred chan struct{} // one slot: somebody may be astray, or not any longer

	mu      sync.Mutex
	counts  [presence.Shards]map[presence.ID]int
	touched [presence.Shards]bool
	board   board
}

func (w *wants) init(f *Fleet) {
	w.fleet, w.stirred = f, make(chan struct{}, 1)
	for i := range w.counts {
		w.counts[i] = map[presence.ID]int{}
	}
}

// stir has the users astray posted.
func (w *wants) stir() { notify(w.stirred) }

// collect follows whom the hub watches.
func (w *wants) collect(ctx context.Context) error {
	for {
		changed, err := w.fleet.hub.Wants(ctx)
		if err != nil {
			return err
		}
		w.mu.Lock()
		for _, want := range changed {
			shard := want.ID.Shard()
			if w.touched[shard] = true; want.Watchers > 0 {
				w.counts[shard][want.ID] = want.Watchers
			} else {
				delete(w.counts[shard], want.ID)
			}
		}
		w.mu.Unlock()
	}
}

// post keeps the board what it should be, until ctx ends; then it takes it away.
func (w *wants) post(ctx context.Context) error {
	defer w.withdraw()
	var last time.Time // posted
	for sleep(ctx, wantsPost) {
		changed := w.fill()
		if !changed && time.Since(last) < wantsRenew {
			continue
		}
		w.mu.Lock()
		p := w.board.post()
		w.mu.Unlock()
		if p.Now == (Manifest{}) && p.Was == p.Now {
			continue // nothing to say, and nothing said
		}
		call, cancel := context.WithTimeout(ctx, carryLimit)
		err := w.fleet.store.PostWants(call, w.fleet.o.Name, p, wantsTTL)
		cancel()
		w.mu.Lock()
		if err == nil {
			w.board.posted(p)
			last = time.Now()
		} else {
			w.board.known = false
		}
		w.mu.Unlock()
		if err != nil && !errors.Is(err, ErrForeign) && ctx.Err() == nil {
			w.fleet.log.Debug("what is watched here cannot be posted", zap.Error(err))
		}
	}
	return ctx.Err()
}

// fill brings the board's parts up to date, and reports whether something has to be posted.
func (w *wants) fill() bool {
	var ahead []byte
	stirred := false
	select {
	case <-w.stirred:
		stirred, ahead = true, w.fleet.ahead()
	default:
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if stirred {
		w.board.set(Parts-1, ahead)
	}
	for i, touched := range w.touched {
		if touched {
			w.touched[i] = false
			w.board.set(i, appendWants(w.counts[i]))
		}
	}
	return !w.board.known || w.board.now != w.board.was
}

func (w *wants) withdraw() {
	ctx, cancel := context.WithTimeout(context.Background(), callLimit)
	defer cancel()
	w.mu.Lock()
	posted := w.board.was != (Manifest{})
	w.mu.Unlock()
	if !posted {
		return
	}
	if err := w.fleet.store.Withdraw(ctx, w.fleet.o.Name); err != nil {
		w.fleet.log.Debug("what was watched here will expire", zap.Error(err))
	}
}

// ahead returns the users of whom the hub holds more than the truth, with the version held, and the shards that could not
// be believed.
func (f *Fleet) ahead() []byte {
	var corrupt uint64
	bytes := make([]byte, 8)
	for i := range f.shards {
		s := &f.shards[i]
		s.mu.Lock()
		if s.corrupt {
			corrupt |= 1 << i
		}
		ids := slices.SortedFunc(maps.Keys(s.astray), presence.ID.Compare)
		for _, id := range ids {
			if !s.astray[id].Version.IsZero() {
				bytes = appendAhead(bytes, id, f.hub.Get(nil, id)[0].Version)
			}
		}
		s.mu.Unlock()
	}
	if corrupt == 0 && len(bytes) == 8 {
		return nil
	}
	binary.LittleEndian.PutUint64(bytes, corrupt)
	return bytes
}

// A part of wants is ids in rising order, each with its number of watchers as a varint after its 16 bytes. The part of
// those ahead has the version's text instead, after its length as a varint; and it begins with a bit for each shard that
// could not be believed, 8 bytes, the lowest first.

func appendWants(counts map[presence.ID]int) (bytes []byte) {
	for _, id := range slices.SortedFunc(maps.Keys(counts), presence.ID.Compare) {
		bytes = append(bytes, id[:]...)
		bytes = binary.AppendUvarint(bytes, uint64(counts[id])) //nolint:gosec // positive
	}
	return bytes
}

func appendAhead(bytes []byte, id presence.ID, version presence.Version) []byte {
	text := version.String()
	bytes = append(bytes, id[:]...)
	bytes = binary.AppendUvarint(bytes, uint64(len(text)))
	return append(bytes, text...)
}

var errPart = errors.New("not a part of wants")

func parseWants(bytes []byte) (map[presence.ID]int, error) {
	counts := map[presence.ID]int{}
	for len(bytes) > 0 {
		var id presence.ID
		if copy(id[:], bytes) < len(id) {
			return nil, errPart
		}
		watchers, n := binary.Uvarint(bytes[len(id):])
		if n <= 0 || watchers == 0 || watchers > 1<<31 {
			return nil, errPart
		}
		counts[id] = int(watchers) //nolint:gosec // 31 bits
		bytes = bytes[len(id)+n:]
	}
	return counts, nil
}

func parseAhead(bytes []byte) (ahead map[presence.ID]presence.Version, corrupt uint64, err error) {
	ahead = map[presence.ID]presence.Version{}
	switch {
	case len(bytes) == 0:
		return ahead, 0, nil
	case len(bytes) < 8:
		return nil, 0, errPart
	}
	corrupt, bytes = binary.LittleEndian.Uint64(bytes), bytes[8:]
	for len(bytes) > 0 {
		var id presence.ID
		if copy(id[:], bytes) < len(id) {
			return nil, 0, errPart
		}
		length, n := binary.Uvarint(bytes[len(id):])
		bytes = bytes[len(id)+max(n, 0):]
		if n <= 0 || length > uint64(len(bytes)) {
			return nil, 0, errPart
		}
		version, err := presence.ParseVersion(string(bytes[:length]))
		if err != nil {
			return nil, 0, errPart
		}
		ahead[id] = version
		bytes = bytes[length:]
	}
	return ahead, corrupt, nil
}
