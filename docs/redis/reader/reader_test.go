// Package reader tests the readers for downstream services against a real Redis and the gateway's own writer.
package reader_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/hub/fleet"
	"github.com/presence-gateway/presence-gateway/hub/fleet/redis"
	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/internal/redistest"
)

const patience = 30 * time.Second

func TestGoReader(t *testing.T) {
	program := filepath.Join(t.TempDir(), "reader")
	if out, err := exec.Command("go", "build", "-o", program, "./go").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Run("standalone", func(t *testing.T) {
		server := redistest.Standalone(t, redistest.Options{Users: users(t)})
		try(t, redis.Options{Addrs: []string{server.Addr}}, standalone(server), program, "-redis", server.Addr, "-user", "presence-reader")
	})
	t.Run("cluster", func(t *testing.T) {
		g := redistest.Cluster(t, redistest.Options{Users: users(t)})
		faults := []func(){
			func() { g.MigrateSlot("presence:{s00}:state") },
			func() { g.Failover("presence:{s01}:state") },
			g.FlushAll,
			func() {
				owner := g.Owner("presence:{s02}:state")
				owner.Kill()
				g.AwaitOwner("presence:{s02}:state", owner)
			},
		}
		try(t, redis.Options{Addrs: g.Addrs}, faults, program, "-redis", strings.Join(g.Addrs, ","), "-cluster", "-user", "presence-reader")
	})
}

func TestNodeReader(t *testing.T) {
	if _, err := exec.LookPath("npm"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("npm is not installed: scripts/need.sh npm")
		}
		t.Skip("SKIPPED: npm is not installed: scripts/need.sh npm")
	}
	redistest.Need(t)
	folder := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", "reader.js"} {
		text, err := os.ReadFile(filepath.Join("node", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	install := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = folder
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v: %s", err, out)
	}
	server := redistest.Standalone(t, redistest.Options{Users: users(t)})
	try(t, redis.Options{Addrs: []string{server.Addr}}, standalone(server), "node", filepath.Join(folder, "reader.js"), "redis://presence-reader@"+server.Addr)
}

// users are those that docs/redis.md names.
func users(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../redis.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(text), "```acl\n")
	block, _, _ = strings.Cut(block, "```")
	return strings.Split(strings.TrimSpace(block), "\n")
}

func standalone(server *redistest.Server) []func() {
	return []func(){
		func() { server.CutClients("pubsub") },
		func() { server.Kill(); server.Start() },
		server.FlushAll,
		func() { server.CutClients("normal"); server.CutClients("pubsub") },
	}
}

// try runs a reader beside a writer, through faults, and compares what it holds in the end with the truth.
func try(t *testing.T, o redis.Options, faults []func(), program string, args ...string) {
	o.Username, o.Password = "presence-poller", func() (string, error) { return "CHANGE-POLLER", nil }
	o.Fields = presence.OutOfOffice | presence.StatusMessage
	store, err := redis.New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	w := newWriter(t, store)
	ctx, stop := context.WithCancel(t.Context())
	writing := make(chan struct{})
	go func() {
		defer close(writing)
		w.run(ctx)
	}()
	r := startReader(t, program, args...)
	settle := func(what string) {
		t.Helper()
		began := time.Now()
		for deadline := began.Add(patience); ; time.Sleep(50 * time.Millisecond) {
			difference := r.compare(w.truth())
			if difference == "" {
				t.Logf("%s: right within %v", what, time.Since(began).Round(10*time.Millisecond))
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: %s\n%s", what, difference, r.errors())
			}
		}
	}
	w.change(200)
	settle("at the start")
	for n, fault := range faults {
		w.change(50)
		fault()
		w.change(50)
		settle(fmt.Sprint("fault ", n))
	}
	stop()
	<-writing
	if errors := r.errors(); strings.Contains(errors, "with digest") {
		t.Errorf("the digests differ: %s", errors)
	}
}

// writer keeps a table in Redis as a leader does, in its plainest way: what stands elsewhere is written anew.
type writer struct {
	t     *testing.T
	store *redis.Store
	dice  *rand.Rand

	mu     sync.Mutex
	held   map[presence.ID]hub.Item
	dirty  [presence.Shards]map[presence.ID]bool // to be written
	at     [presence.Shards]fleet.Position
	number uint64
}

func newWriter(t *testing.T, store *redis.Store) *writer {
	w := &writer{t: t, store: store, dice: rand.New(rand.NewPCG(1, 2)), held: map[presence.ID]hub.Item{}}
	for shard := range w.dirty {
		w.dirty[shard] = map[presence.ID]bool{}
	}
	return w
}

// change changes, adds and drops some users, again and again. Contents have all that makes JSON difficult.
func (w *writer) change(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for range n {
		id := presence.ID{0: 0xaa, 15: byte(w.dice.IntN(200))}
		w.number++
		item := hub.Item{State: presence.State{ID: id, Version: presence.Version{Generation: 1, Sequence: fmt.Sprintf("A%09d", w.number)}}, ObservedAt: time.Now(), AnsweredAt: time.Now()}
		switch w.dice.IntN(8) {
		case 0:
			delete(w.held, id)
			w.dirty[id.Shard()][id] = true
			continue
		case 1: // gone
		case 2:
			item.Unnumbered, item.Version.Order = true, w.number
			fallthrough
		default:
			item.Content = presence.Intern(presence.Facts{Availability: "Busy", Activity: fmt.Sprint("A\"{[<é\u2028\\", w.dice.IntN(9)), OutOfOffice: presence.True,
				StatusMessage: `","version":"x","sequenceNumber":"y"} {"id":"` + id.String() + `",`}, presence.OutOfOffice|presence.StatusMessage)
		}
		w.held[id] = item
		w.dirty[id.Shard()][id] = true
	}
}

// truth returns who has which version; "" for those gone.
func (w *writer) truth() map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	truth := map[string]string{}
	for id, item := range w.held {
		truth[id.String()] = item.Version.String()
	}
	return truth
}

func (w *writer) run(ctx context.Context) {
	for beat := 0; ctx.Err() == nil; beat++ {
		var appends []fleet.Append
		w.mu.Lock()
		for shard := range presence.Shards {
			if len(w.dirty[shard]) > 0 || beat%10 == 0 {
				appends = append(appends, w.message(shard, w.at[shard]))
			}
		}
		answers := w.store.Append(ctx, fleet.Fence{Number: 1, Holder: "writer"}, appends)
		for i, a := range answers {
			shard := appends[i].Shard
			switch {
			case a.Err != nil: // tried again, as it is or as it will be
			case a.Outcome == fleet.Done:
				w.at[shard] = appends[i].To
				clear(w.dirty[shard])
			case a.Outcome == fleet.Foreign:
				w.at[shard] = a.Stands
				w.at[shard].Epoch = a.Stands.Epoch
				for id := range w.held {
					if id.Shard() == shard {
						w.dirty[shard][id] = true
					}
				}
				snapshot, err := w.store.Load(ctx, shard, fleet.Position{})
				if err != nil {
					break
				}
				for _, item := range snapshot.States {
					w.dirty[shard][item.ID] = true
				}
			}
		}
		w.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// message brings a shard from where it stands to what is held.
func (w *writer) message(shard int, from fleet.Position) fleet.Append {
	w.number++
	to := fleet.Position{Epoch: from.Epoch, Offset: from.Offset}
	m := fleet.Message{Shard: shard, Fence: 1, From: from, At: time.Now()}
	for id := range w.dirty[shard] {
		if item, held := w.held[id]; held {
			m.States = append(m.States, item)
		} else {
			m.Lapsed = append(m.Lapsed, id)
		}
	}
	if len(w.dirty[shard]) > 0 {
		to.Offset++
	}
	if from.Epoch == 0 {
		to.Epoch = rand.Uint64()
	}
	for id, item := range w.held {
		if id.Shard() == shard {
			to.Count++
			to.Digest ^= item.Digest()
		}
	}
	m.To = to
	m.Reload = len(m.States) > 0 && w.dice.IntN(10) == 0
	return fleet.Append{Call: fmt.Sprint("call-", w.number), Message: m}
}

// reader is a reader's process, and what it printed.
type reader struct {
	mu   sync.Mutex
	held map[string]string
	said strings.Builder
}

func startReader(t *testing.T, program string, args ...string) *reader {
	t.Helper()
	r := &reader{held: map[string]string{}}
	ctx, stop := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, program, args...)
	c.Env = append(os.Environ(), "REDIS_PASSWORD=CHANGE-READER")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = writerFunc(func(text []byte) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.said.Write(text)
	})
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.read(out)
	}()
	t.Cleanup(func() {
		stop()
		<-done
		_ = c.Wait() // it was killed
	})
	return r
}

type writerFunc func(text []byte)

func (f writerFunc) Write(text []byte) (int, error) { f(text); return len(text), nil }

func (r *reader) read(out io.Reader) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var line struct{ ID, Version, Dropped string }
		err := json.Unmarshal(lines.Bytes(), &line)
		r.mu.Lock()
		switch {
		case err != nil:
			fmt.Fprintf(&r.said, "not JSON: %s\n", lines.Text())
		case line.Dropped != "":
			delete(r.held, line.Dropped)
		default:
			r.held[line.ID] = line.Version
		}
		r.mu.Unlock()
	}
}

func (r *reader) errors() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.said.String()
}

func (r *reader) compare(truth map[string]string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for user, version := range truth {
		if r.held[user] != version {
			return fmt.Sprintf("%s is at %q, want %q", user, r.held[user], version)
		}
	}
	for user := range r.held {
		if _, held := truth[user]; !held {
			return user + " should be dropped"
		}
	}
	return ""
}
