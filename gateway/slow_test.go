package gateway_test

import (
	"encoding/json"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

// storm changes users in turn until the returned function is called, which waits for the end.
func (w *world) storm(users int, every time.Duration) (stop func()) {
	ending := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for i := 0; ; i++ {
			select {
			case <-ending:
				return
			case <-ticker.C:
				w.set(i%users, []string{"Busy", "Away", "Available"}[i/users%3])
			}
		}
	})
	return func() { close(ending); group.Wait() }
}

// A reader that reads nothing costs bounded memory and is closed with 4409 after gateway.stall; when it reads on, it
// learns why. Others notice nothing.
func TestReadsNothing(t *testing.T) {
	const users, readers = 1000, 20
	w := newWorld(t, users, gateway.Options{Flush: time.Millisecond, Stall: 1500 * time.Millisecond, Heartbeat: 500 * time.Millisecond})
	w.setAll("Busy", upTo(users)...)
	subscribe := frame(0x81, `{"type":"subscribe","users":`+ids(upTo(users)...)+`}`)
	var stuck []*raw
	for range readers {
		x := w.rawBuffered(16 << 10)
		x.write(subscribe)
		stuck = append(stuck, x)
	}
	healthy := w.dial()
	healthy.subscribe(upTo(users)...)
	before := heap()
	stop := w.storm(users, time.Millisecond)
	defer stop()
	worst := time.Duration(0)
	for start := time.Now(); time.Since(start) < time.Second; {
		d := healthy.want(wire.Delta)
		worst = max(worst, time.Since(d.Presences[len(d.Presences)-1].ObservedAt))
	}
	grown := int64(heap()) - int64(before)
	t.Logf("worst age at the healthy one %v; heap grown by %d KiB for %d stuck readers", worst, grown>>10, readers)
	if worst > 300*time.Millisecond {
		t.Errorf("another reader got a state %v old", worst)
	}
	if perReader := grown / readers; perReader > 512<<10 {
		t.Errorf("a stuck reader cost %d KiB", perReader>>10)
	}
	time.Sleep(1500 * time.Millisecond) // of gateway.stall the rest: it is time itself that is tested
	for _, x := range stuck[:3] {
		if code := x.closed(); code != 4409 {
			t.Errorf("closed with %d, want 4409", code)
		}
	}
	healthy.want(wire.Delta)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A reader that reads slowly stays, gets fewer states, never old ones, and in the end the newest of everyone.
func TestReadsSlowly(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const users = 500
	w := newWorld(t, users, gateway.Options{Flush: time.Millisecond, Stall: 3 * time.Second, Heartbeat: time.Second})
	w.setAll("Busy", upTo(users)...)
	x := w.rawBuffered(16 << 10)
	x.write(frame(0x81, `{"type":"subscribe","users":`+ids(upTo(users)...)+`}`))
	stop := w.storm(users, 500*time.Microsecond) // about 500 KB/s of deltas
	slow := &throttled{raw: x, rate: 100 << 10}
	x.r.Reset(slow)
	newest := map[string]string{}
	read := func() (wire.Message, bool) {
		opcode, payload, err := x.next()
		if err != nil || opcode == 8 {
			t.Fatalf("ended: %v %q", err, payload)
		}
		var m wire.Message
		if opcode != 1 {
			return m, false
		}
		if err := json.Unmarshal(payload, &m); err != nil {
			t.Fatal(err)
		}
		for _, p := range m.Presences {
			if p.Version <= newest[p.ID.String()] {
				t.Fatalf("%s went from %s to %s", p.ID, newest[p.ID.String()], p.Version)
			}
			newest[p.ID.String()] = p.Version
		}
		return m, true
	}
	worst, states := time.Duration(0), 0
	for start := time.Now(); time.Since(start) < 6*time.Second; {
		m, ok := read()
		if !ok || m.Type != wire.Delta {
			continue
		}
		states += len(m.Presences)
		for _, p := range m.Presences {
			if time.Since(start) > 2*time.Second { // past what was buffered before it turned slow
				worst = max(worst, time.Since(p.ObservedAt))
			}
		}
	}
	stop()
	t.Logf("%d states at 100 KB/s, the oldest %v old", states, worst)
	if worst > 3500*time.Millisecond { // one drain of all users, one part, and what the kernels hold: 300 KB
		t.Errorf("a state was %v old", worst)
	}
	slow.rate = 1 << 30
	eventually(t, "the newest state of everyone", func() bool {
		for i := range users {
			if item := w.hub.Get(nil, user(i))[0]; newest[user(i).String()] != item.Version.String() {
				read()
				return false
			}
		}
		return true
	})
}

// throttled reads at most so many bytes a second, a little at a time.
type throttled struct {
	*raw
	rate int
}

func (r *throttled) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p[:min(len(p), 2048)])
	time.Sleep(time.Duration(n) * time.Second / time.Duration(r.rate))
	return n, err
}

// A reader slower than anything else stays too: it takes something in.
func TestReadsVerySlowly(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const users = 500
	w := newWorld(t, users, gateway.Options{Stall: 3 * time.Second, Heartbeat: 500 * time.Millisecond})
	w.setAll("Busy", upTo(users)...)
	x := w.rawBuffered(4 << 10)
	x.write(frame(0x81, `{"type":"subscribe","users":`+ids(upTo(users)...)+`}`))
	stop := w.storm(users, time.Millisecond)
	defer stop()
	slow := &throttled{raw: x, rate: 8 << 10}
	x.r.Reset(slow)
	start := time.Now()
	read := func() {
		if opcode, payload, err := x.next(); err != nil || opcode == 8 {
			t.Fatalf("ended after %v: %v %q", time.Since(start), err, payload)
		}
	}
	for time.Since(start) < 8*time.Second {
		read()
	}
	slow.rate = 1 << 30 // what was under way all the time comes now
	for range 50 {
		read()
	}
}

// A peer that answers no ping stays as long as it takes in what it is sent.
func TestAnswersNoPing(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{Heartbeat: 200 * time.Millisecond})
	c := w.dial() // answers pings as long as it is read
	x := w.raw()  // reads and answers nothing, but its kernel takes in heartbeats
	for start := time.Now(); time.Since(start) < 3*time.Second; {
		if m, err := c.read(); err != nil || m.Type != wire.Heartbeat {
			t.Fatalf("got %+v, %v", m, err)
		}
	}
	x.write(frame(0x81, `{"type":"ping","id":1}`))
	for {
		_, payload, err := x.next()
		if err != nil {
			t.Fatal(err)
		}
		var m wire.Message
		if json.Unmarshal(payload, &m) == nil && m.Type == wire.Pong {
			break
		}
	}
}
