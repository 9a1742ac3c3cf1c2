package gateway

import (
	"context"
	"sync"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/hub"
)

// How soon a socket that would not take more is tried again: sooner while it takes some.
const minRetry, maxRetry = 5 * time.Millisecond, 250 * time.Millisecond

// At most this many messages of replies are composed for one connection before others have their turn.
const turnParts = 4

// However short the heartbeat, silence below this means nothing: acknowledgements may be held back.
const minSilence = time.Second

// writer sends for its share of the connections. It works in rounds of deltas, at most one in each flush interval,
// and at once if the last one is longer ago; replies are sent between.
type writer struct {
	server *Server
	reader *hub.Reader
	wake   chan struct{} // one slot: called is not empty

	mu     sync.Mutex
	called []*conn // to be looked at: they have replies, or ended

	// All below is for the goroutine that runs alone.
	composer composer
	wheel    wheel
	due      []*conn // for the next round
	blocked  []*conn // with a remainder in their socket
	news     hub.News
	heard    bool // the reader has news
	crowd    bool // the round is for more than one
	last     time.Time
	calls    []*conn
	ready    []*hub.Subscription
}

// writing is what a writer notes of a connection.
type writing struct {
	called  bool // guarded by writer.mu
	slot    int  // in the wheel, plus one
	due     bool
	beat    bool // a heartbeat is due
	blocked bool

	retryAt  time.Time
	retry    time.Duration
	taken    int64     // by the peer, when last looked at
	progress time.Time // when that was more than before
}

func newWriter(s *Server) *writer {
	return &writer{server: s, reader: s.hub.NewReader(), wake: make(chan struct{}, 1), wheel: newWheel(s.heartbeat)}
}

// call has the writer look at c soon. c.mu may be held.
func (w *writer) call(c *conn) {
	w.mu.Lock()
	if !c.writing.called {
		c.writing.called = true
		w.called = append(w.called, c)
	}
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// run sends until the context ends.
func (w *writer) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	w.wheel.begin(time.Now())
	for {
		news := w.reader.Wake()
		if w.heard {
			news = nil // they wait for the next round, and so do those that come meanwhile
		}
		select {
		case <-ctx.Done():
			return
		case <-news:
			w.heard = true
		case <-w.wake:
		case <-timer.C:
		}
		w.answer()
		w.tryAgain(time.Now())
		for _, c := range w.wheel.turn(time.Now()) {
			c.writing.beat = true
			w.later(c)
		}
		if now := time.Now(); w.waiting() && now.Sub(w.last) >= w.server.flush {
			w.round(now)
		}
		timer.Reset(time.Until(w.next()))
	}
}

// waiting reports whether there is something for a round.
func (w *writer) waiting() bool { return w.heard || len(w.due) > 0 }

// next returns when there is something to do, if nothing happens before.
func (w *writer) next() time.Time {
	next := w.wheel.next
	if round := w.last.Add(w.server.flush); w.waiting() && round.Before(next) {
		next = round
	}
	for _, c := range w.blocked {
		if c.writing.retryAt.Before(next) {
			next = c.writing.retryAt
		}
	}
	return next
}

// later puts c into the next round.
func (w *writer) later(c *conn) {
	if !c.writing.due {
		c.writing.due = true
		w.due = append(w.due, c)
	}
}

// answer sends the replies that were queued.
func (w *writer) answer() {
	w.mu.Lock()
	w.calls, w.called = w.called, w.calls[:0]
	for _, c := range w.calls {
		c.writing.called = false
	}
	w.mu.Unlock()
	for _, c := range w.calls {
		w.look(c)
	}
	clear(w.calls)
}

// look sends what c is owed besides deltas, and notes whether it has begun or ended.
func (w *writer) look(c *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.gone:
		w.wheel.remove(c)
	case c.writing.slot == 0:
		w.wheel.add(c)
		fallthrough
	default:
		w.send(c, false)
	}
}

// round sends deltas and heartbeats.
func (w *writer) round(now time.Time) {
	w.last, w.heard = now, false
	w.ready = w.reader.Ready(w.ready[:0])
	for _, s := range w.ready {
		w.later(s.Owner().(*conn))
	}
	clear(w.ready)
	w.composer.memo.reset()
	due := w.due
	w.due, w.crowd = nil, len(due) > 1
	for i, c := range due {
		c.writing.due = false
		c.mu.Lock()
		w.send(c, true)
		c.mu.Unlock()
		if i%256 == 255 {
			w.answer() // a new client does not wait for all others
		}
	}
	clear(due)
	if len(w.due) == 0 {
		w.due = due[:0]
	}
}

// send composes what c is owed, in its order, and writes it; deltas and heartbeat only in a round. c.mu is held.
func (w *writer) send(c *conn, round bool) {
	if c.reason != nil {
		if !c.gone && c.outlet.pending() {
			w.block(c)
		}
		return
	}
	if c.writing.blocked {
		return // it is due again once the remainder has gone
	}
	k := &w.composer
	k.reset()
	k.events, k.packed = c.events != nil, c.packed
	for parts := 0; len(c.replies) > 0; parts++ {
		if parts == turnParts || len(k.out) >= partBytes {
			if !w.write(c) {
				return
			}
			if parts == turnParts {
				w.call(c)
				return
			}
		}
		w.reply(c)
	}
	if c.statusDue {
		c.statusDue = false
		k.frame(wire.AppendStatus(nil, w.server.hub.Status()))
	}
	if round {
		w.deltas(c)
	} else if c.writing.beat {
		w.later(c)
	}
	if k.events && len(c.replies) == 0 && c.sub != nil { // all that was captured is told
		k.mark(c.events.position(c.sub.Told()))
	}
	w.write(c)
}

// reply composes the next message of the first reply.
func (w *writer) reply(c *conn) {
	first := c.replies[0]
	if first.part(&w.composer, c.grant) {
		return
	}
	if _, whole := first.(text); !whole {
		c.parts--
		w.later(c) // deltas had to wait
	}
	c.replies[0] = nil
	if c.replies = c.replies[1:]; len(c.replies) == 0 {
		c.replies = nil
	}
	c.makeRoom()
}

// deltas composes the newest state of each user that changed, and the heartbeat if it is due.
func (w *writer) deltas(c *conn) {
	k := &w.composer
	var oldest time.Time
	if c.sub != nil {
		w.news.Reset()
		if c.writing.beat {
			oldest = c.sub.DrainOldest(&w.news)
		} else {
			c.sub.Drain(&w.news)
		}
		w.server.metrics.conflated.Add(float64(w.news.Conflated))
		if rest := k.news(c.grant, &w.news, w.crowd); len(rest) > 0 {
			c.owe(&catchUp{items: append([]hub.Item(nil), rest...)})
			return
		}
	}
	if c.writing.beat {
		w.beat(c, oldest)
	}
}

// beat composes a heartbeat, unless the peer has answered none of the last two and taken in nothing since.
func (w *writer) beat(c *conn, oldest time.Time) {
	c.writing.beat = false
	now := time.Now()
	if missed := c.unanswered.Add(1) - 1; missed > 0 {
		at, taken := &c.writing, c.outlet.taken()
		if missed == 1 || taken != at.taken {
			at.taken, at.progress = taken, now
		} else if now.Sub(at.progress) >= max(2*w.server.heartbeat, minSilence)-w.server.heartbeat {
			c.endLocked(errStalled)
			return
		}
	}
	w.composer.heartbeat(now, oldest)
}

// write hands what is composed to the socket, and reports whether it took all.
func (w *writer) write(c *conn) bool {
	k := &w.composer
	if len(k.out) == 0 {
		return true
	}
	if err := c.outlet.send(k.out); err != nil {
		_ = c.outlet.Close() // the reading goroutine sees it and ends
		k.reset()
		return false
	}
	w.server.metrics.wrote(k)
	k.reset()
	if c.outlet.pending() {
		w.block(c)
		return false
	}
	return true
}

// block notes that c has a remainder.
func (w *writer) block(c *conn) {
	if c.writing.blocked {
		return
	}
	now := time.Now()
	c.writing.blocked = true
	c.writing.taken, c.writing.progress = c.outlet.taken(), now
	c.writing.retry, c.writing.retryAt = minRetry, now.Add(minRetry)
	w.blocked = append(w.blocked, c)
}

// tryAgain offers remainders to their sockets, and ends the connections that took in nothing for too long.
func (w *writer) tryAgain(now time.Time) {
	blocked := w.blocked
	w.blocked = nil
	kept := blocked[:0]
	for _, c := range blocked {
		if now.Before(c.writing.retryAt) || w.stillBlocked(c, now) {
			kept = append(kept, c)
		}
	}
	clear(blocked[len(kept):])
	w.blocked = append(kept, w.blocked...)
}

func (w *writer) stillBlocked(c *conn, now time.Time) bool {
	at := &c.writing
	left, err := c.outlet.flush()
	if err != nil {
		at.blocked = false
		_ = c.outlet.Close()
		return false
	}
	if !left {
		at.blocked = false
		w.later(c)
		c.mu.Lock()
		w.send(c, false)
		c.mu.Unlock()
		return false
	}
	if taken := c.outlet.taken(); taken != at.taken {
		at.taken, at.progress, at.retry = taken, now, minRetry
	} else {
		at.retry = min(2*at.retry, maxRetry)
	}
	if now.Sub(at.progress) >= w.server.stall {
		c.end(errStalled)
	}
	at.retryAt = now.Add(at.retry)
	return true
}
