package graphsim

import (
	"sync"
	"time"
)

// excuse is how long after a pause was announced a read may still arrive that
// its sender cannot have known better about.
const excuse = time.Second

// meter counts presence reads exactly, at their arrival, refused ones included:
// Graph lets those accrue against the limit too. A window is half open, so two
// reads exactly one window apart are never in the same one. Safe for
// concurrent use.
type meter struct {
	now    func() time.Duration
	window time.Duration

	mu     sync.Mutex
	queue  []arrival // of the last window, oldest at head
	head   int
	ids    int // of these
	pause  span
	spells map[uint64]time.Duration // refused sets of ids, until when
	counts counts
}

// arrival is one read.
type arrival struct {
	at  time.Duration
	ids int // 1 or more
}

// limit is how much a window may hold: reads, or with byIDs the ids they ask for.
type limit struct {
	most  int
	byIDs bool
}

// weight is what a read takes of it.
func (l limit) weight(ids int) int {
	if l.byIDs {
		return ids
	}
	return 1
}

type span struct{ from, until time.Duration }

type counts struct {
	reads, refused, peak       int
	ids, peakIDs               int
	rows                       int64
	kinds, refusedKinds        [kindCount]int
	paused, pausedLate, repeat int
}

func newMeter(now func() time.Duration, window time.Duration) *meter {
	return &meter{now: now, window: window}
}

// arrive counts one read of so many ids and says whether it is over the limit.
func (m *meter) arrive(k kind, ids int, l limit) (over bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	ids = max(ids, 1)
	m.expire(now)
	m.queue = append(m.queue, arrival{now, ids})
	m.ids += ids
	held := len(m.queue) - m.head
	c := &m.counts
	c.reads++
	c.ids += ids
	c.kinds[k]++
	c.peak, c.peakIDs = max(c.peak, held), max(c.peakIDs, m.ids)
	if now < m.pause.until {
		c.paused++
		if now > m.pause.from+excuse {
			c.pausedLate++
		}
	}
	if l.byIDs {
		held = m.ids
	}
	if held > l.most {
		c.refused++
		c.refusedKinds[k]++
		return true
	}
	return false
}

func (m *meter) expire(now time.Duration) {
	for m.head < len(m.queue) && now-m.queue[m.head].at >= m.window {
		m.ids -= m.queue[m.head].ids
		m.head++
	}
	if m.head > 1024 && m.head > len(m.queue)/2 {
		m.queue = m.queue[:copy(m.queue, m.queue[m.head:])]
		m.head = 0
	}
}

// wait is how long until a read of so many ids would be within the limit, if
// none came before. One that asks for more than a window may hold never is, and
// is told to wait for an empty one.
func (m *meter) wait(ids int, l limit) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	m.expire(now)
	room := l.most - l.weight(max(ids, 1)) // for what is still in the window by then
	for i := len(m.queue) - 1; i >= m.head; i-- {
		if room -= l.weight(m.queue[i].ids); room < 0 {
			return m.queue[i].at + m.window - now
		}
	}
	return 0
}

// announce notes that a client was just asked to pause all its reads.
func (m *meter) announce(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if now >= m.pause.until {
		m.pause.from = now
	}
	m.pause.until = max(m.pause.until, now+d)
}

// spell notes that a read of these ids alone was asked to come later.
func (m *meter) spell(ids uint64, d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if m.spells == nil || len(m.spells) > 1<<16 {
		m.spells = make(map[uint64]time.Duration)
	}
	m.spells[ids] = now + d
}

// spelled says whether recognise could find anything.
func (m *meter) spelled() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.spells) > 0
}

// recognise counts a read of exactly the ids that were asked to come later.
func (m *meter) recognise(ids uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	until, asked := m.spells[ids]
	switch {
	case !asked:
	case m.now() < until:
		m.counts.repeat++
	default:
		delete(m.spells, ids)
	}
}

func (m *meter) answered(rows int) {
	m.mu.Lock()
	m.counts.rows += int64(rows)
	m.mu.Unlock()
}

// reset begins as if no read had ever come.
func (m *meter) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.queue, m.head, m.ids, m.pause, m.spells, m.counts = nil, 0, 0, span{}, nil, counts{}
}

func (m *meter) snapshot() (c counts, inWindow, idsInWindow int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expire(m.now())
	return m.counts, len(m.queue) - m.head, m.ids
}
