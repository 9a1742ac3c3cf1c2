package fleet_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/hub/fleet"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// world is a whole fleet in a bubble: processes, a Redis that fails as it may, a tenant, clients, and what must be true.
type world struct {
	*testing.T
	*rand.Rand
	mu        sync.Mutex
	seed      uint64
	onDemand  bool
	master    *master // of the majority
	old       *master // cut off, while there are two
	tenant    *tenant
	processes []*process
	meanings  map[string]*presence.Content
	lives     int     // of Redis servers
	copied    *master // what a Redis replica had a while ago
	strikes   map[string]int
	failure   string
	unlisted  [listed]bool // not in the configuration now
	moved     [listed]bool // was taken out of it, or put back
	damaged   [presence.Shards]time.Time
	recovered time.Duration
	heard     map[presence.ID]int // watchers, as the last leader heard of them; nil: nobody asks
	history   []string
	said      sync.Mutex
	logged    []string
}

func (w *world) chance(n int) bool { return w.IntN(n) == 0 }

func (w *world) strike(what string) { w.strikes[what]++ }
func (w *world) strikeIf(so bool, what string) {
	if so {
		w.strike(what)
	}
}

// failf keeps the first failure. The world's lock is held.
func (w *world) failf(format string, args ...any) {
	if w.failure == "" {
		w.failure = fmt.Sprintf(format, args...)
	}
}

func (w *world) note(format string, args ...any) {
	w.history = append(w.history, fmt.Sprintf("%6.2fs ", time.Since(epoch).Seconds())+fmt.Sprintf(format, args...))
}

// logger has what a process logs among the history, when a seed is replayed.
func (w *world) logger(name string) *zap.Logger {
	if *replay == 0 && os.Getenv("PRESENCE_FLEET_LOG") == "" {
		return nil
	}
	console := zapcore.NewConsoleEncoder(zapcore.EncoderConfig{MessageKey: "message"})
	return zap.New(zapcore.NewCore(console, zapcore.AddSync(said{w, name}), zapcore.DebugLevel))
}

type said struct {
	world *world
	name  string
}

func (s said) Write(line []byte) (int, error) {
	s.world.said.Lock()
	defer s.world.said.Unlock()
	s.world.logged = append(s.world.logged, fmt.Sprintf("%6.2fs %s: %s", time.Since(epoch).Seconds(), s.name, bytes.TrimSpace(line)))
	return len(line), nil
}

var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // when a bubble's time begins

// publish hands a message to everyone subscribed there.
func (w *world) publish(m *master, a *fleet.Append) {
	message := a.Message
	if message.Reload {
		message.States = nil
	}
	for _, p := range w.processes {
		if p.link.master == m {
			p.link.hear(&message)
			if len(message.States) > 0 {
				w.prompt(p, &message)
			}
		}
	}
}

// prompt makes sure that what is published to who is subscribed, and hears everything, is held soon, and not only when
// the next beat shows that something was missed.
func (w *world) prompt(p *process, m *fleet.Message) {
	if s := &p.link.subs[m.Shard]; !s.since.IsZero() && s.since.After(s.hurt) {
		w.soon(p, m.Shard, "state published to who hears everything", m.States)
	}
}

// soon makes sure that a process that has no trouble holds the items, or what is above them, before the next beat.
func (w *world) soon(p *process, shard int, what string, items []hub.Item) {
	l, now := p.link, time.Now()
	s := &l.subs[shard]
	number, hurt := s.number, s.hurt
	troubled := func(after time.Duration) bool {
		return l.cut || p.over || p.fleet.Leads() || now.Before(l.bad.Add(after)) || now.Before(l.slow.Add(5*after)) ||
			now.Before(w.damaged[shard]) || !l.master.shards[shard].sound()
	}
	if troubled(2 * time.Second) {
		return
	}
	time.AfterFunc(400*time.Millisecond, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if s.number != number || s.hurt != hurt || troubled(0) {
			return
		}
		w.strike(what)
		for _, item := range items {
			_, stands := l.master.shards[shard].states[item.ID]
			if held := p.hub.Get(nil, item.ID)[0]; held.Version.Compare(item.Version) < 0 && stands && p.hub.Watchers(item.ID) > 0 {
				w.failf("%s holds %v of user %d long after %v stood, at %v", p.name, held.Version, index(item.ID), item.Version, now.Sub(epoch))
			}
		}
	})
}

// configured returns who is read whoever is connected.
func (w *world) configured() (ids []presence.ID) {
	for i, id := range users[:listed] {
		if !w.unlisted[i] {
			ids = append(ids, id)
		}
	}
	return ids
}

func (w *world) some() *process {
	for {
		if p := w.processes[w.IntN(len(w.processes))]; p != nil {
			return p
		}
	}
}

const (
	unrest = 30 * time.Second
	calm   = 25 * time.Second
)

// live runs one seed and returns what went wrong.
func live(t *testing.T, seed uint64) *world {
	w := &world{T: t, Rand: rand.New(rand.NewPCG(seed, 3)), seed: seed, meanings: map[string]*presence.Content{}, strikes: map[string]int{}}
	w.master = &master{world: w, wants: map[string]board{}}
	w.tenant = &tenant{world: w, numbered: !w.chance(3), people: make([]truth, len(users))}
	w.onDemand = w.chance(2)
	for i := range w.tenant.people {
		w.tenant.people[i].now = contents[0]
	}
	w.mu.Lock()
	for i := range 2 + w.IntN(2) {
		w.processes = append(w.processes, w.start(fmt.Sprintf("p%d", i), true))
	}
	w.processes = append(w.processes, w.start("replica", false))
	w.mu.Unlock()
	w.trouble()
	w.mu.Lock()
	w.heal()
	w.mu.Unlock()
	healed := time.Now()
	for {
		time.Sleep(500 * time.Millisecond)
		w.recovered = time.Since(healed)
		w.mu.Lock()
		wrong := w.wrong()
		if w.recovered >= calm && wrong != "" {
			w.failf("%s", wrong)
		}
		over := wrong == "" || w.failure != ""
		w.mu.Unlock()
		if over {
			break
		}
	}
	time.Sleep(calm / 2)
	w.mu.Lock()
	if wrong := w.wrong(); wrong != "" {
		w.failf("right again, then not: %s", wrong)
	}
	w.mu.Unlock()
	for _, p := range w.processes {
		p.stop()
	}
	for _, p := range w.processes {
		p.ended.Wait()
	}
	return w
}

// trouble has things happen for a while.
func (w *world) trouble() {
	for began := time.Now(); time.Since(began) < unrest; {
		w.mu.Lock()
		w.tenant.change()
		if w.chance(4) {
			w.fault()
		}
		wait := time.Duration(w.IntN(400)) * time.Millisecond
		w.mu.Unlock()
		time.Sleep(wait)
	}
}

// heal ends everything that an operator would have to end. Who is deaf stays deaf.
func (w *world) heal() {
	w.join()
	for _, p := range w.processes {
		l := p.link
		if l.cut {
			w.mend(l)
		}
		for _, until := range []*time.Time{&l.slow, &l.leaky, &l.bad} {
			if now := time.Now(); until.After(now) {
				*until = now
			}
		}
	}
	w.note("healed")
}

// wrong says what is not yet as it should be: clients told what the tenant says (P2), and that all is well.
func (w *world) wrong() string {
	leaders := 0
	for _, p := range w.processes {
		if p.fleet.Leads() {
			leaders++
		}
		if status := p.hub.Status(); !status.Live() {
			return fmt.Sprintf("%s says %v since %v", p.name, status.Reason, status.Since.Sub(epoch))
		}
		for _, c := range p.clients {
			for _, id := range c.ids {
				i := index(id)
				item, told := c.held[id]
				switch watched := c.sub.Watches(id); {
				case w.onDemand || i < listed && !w.unlisted[i]:
					if (!told || item.Content != w.tenant.people[i].now) && (watched || !w.moved[i]) {
						return fmt.Sprintf("P2: %s, user %d: told %v %v, true is %v, held %v, watched %v", c.where, i, item.Version,
							facts(item.Content), facts(w.tenant.people[i].now), p.hub.Get(nil, id)[0].Version, watched)
					}
				case told:
					return fmt.Sprintf("%s still shows user %d, who is not read", c.where, i)
				}
			}
		}
	}
	if leaders != 1 {
		return fmt.Sprintf("%d processes poll", leaders)
	}
	return ""
}

func facts(c *presence.Content) string {
	if c == nil {
		return "nothing"
	}
	return c.Facts().Availability
}
