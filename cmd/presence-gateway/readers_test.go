package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The readers in other languages: states, gone, a gateway that drains and comes back, one that is killed, and the rule
// before acting on a state.
func TestReaders(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, needs string
		command     []string
	}{
		{"node", "npm", []string{"node", "watch.mjs"}},
		{"python", "python3-websockets", []string{"/usr/bin/python3", "watch.py"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if out, err := exec.Command("../../scripts/need.sh", row.needs).CombinedOutput(); err != nil {
				if os.Getenv("CI") != "" {
					t.Fatalf("%v: %s", err, out)
				}
				t.Skipf("%s", out)
			}
			folder, err := filepath.Abs("../../docs/clients/" + row.name)
			if err != nil {
				t.Fatal(err)
			}
			if row.name == "node" {
				install(t, folder)
			}
			tn := startTenant(t, "--users", "3")
			optedOut := filepath.Join(t.TempDir(), "out")
			write(t, optedOut, "")
			g := startGateway(t, tn, t.TempDir(), openDoor, "PRESENCE_GATEWAY_HEARTBEAT=500ms", "PRESENCE_PRIVACY_OPTED_OUT_USERS_FILE="+optedOut,
				"PRESENCE_GATEWAY_COMPRESSION=true") // which both libraries offer: snapshots come compressed, deltas as they are
			id := tn.people()[0].ID
			tn.setPresence(id, "Busy", "InACall")
			r := run(t, folder, []string{"GATEWAY=http://" + g.address, "ACT_EVERY=0.2", "MAX_AGE=5"}, append(row.command, strings.ToUpper(id), "nobody")...)
			r.awaitLine(`"invalid"`, 20*time.Second)
			r.await("live", func(e readerEvent) bool { return e.Event == "status" && e.Live })
			r.await("usable", func(e readerEvent) bool {
				return e.Event == "usable" && e.ID == id && e.Presence != nil && e.Presence.Activity == "InACall"
			})
			tn.setPresence(id, "Away", "Away")
			r.await("a change", func(e readerEvent) bool { return e.Event == "presence" && e.Availability == "Away" })

			// A state that Graph has not confirmed for longer than the limit is not acted on, connected or not.
			tn.ask("PUT", "/sim/faults", `{"status":{"status":503,"share":1}}`, nil)
			r.await("not usable while Graph is out", func(e readerEvent) bool { return e.Event == "usable" && e.ID == id && e.Presence == nil })
			tn.ask("DELETE", "/sim/faults", "", nil)
			r.await("usable again", func(e readerEvent) bool { return e.Event == "usable" && e.ID == id && e.Presence != nil })

			g.signal(syscall.SIGKILL)
			g.exit(5 * time.Second)
			r.await("not live", func(e readerEvent) bool { return e.Event == "status" && !e.Live })
			r.await("not usable", func(e readerEvent) bool { return e.Event == "usable" && e.ID == id && e.Presence == nil })
			tn.setPresence(id, "DoNotDisturb", "Presenting")
			g = g.again(t)
			r.await("what happened meanwhile", func(e readerEvent) bool { return e.Event == "presence" && e.Activity == "Presenting" })

			g.signal(syscall.SIGTERM) // goodbye and 1012
			g.exit(10 * time.Second)
			g.again(t)
			r.await("live after a drain", func(e readerEvent) bool { return e.Event == "status" && e.Live })
			write(t, optedOut, id+"\n")
			r.await("gone", func(e readerEvent) bool { return e.Event == "none" && e.ID == id && e.Why != "pending" })
		})
	}
	lines := map[string]int{}
	for _, file := range []string{"node/watch.mjs", "python/watch.py", "dotnet/Watch.cs"} {
		text, err := os.ReadFile("../../docs/clients/" + file)
		if lines[file] = strings.Count(string(text), "\n"); err != nil || lines[file] > 120 {
			t.Errorf("%s has %d lines, want 120 at most: %v", file, lines[file], err)
		}
	}
}

// install puts a reader's packages there, as its lock file has them.
func install(t *testing.T, folder string) {
	t.Helper()
	lock, _ := os.ReadFile(filepath.Join(folder, "package-lock.json"))
	stamp := filepath.Join(folder, "node_modules", ".installed")
	if installed, _ := os.ReadFile(stamp); string(installed) == string(lock) {
		return
	}
	npm := exec.Command("npm", "ci", "--no-audit", "--no-fund")
	npm.Dir = folder
	if out, err := npm.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v: %s", err, out)
	}
	copyFile(t, stamp, filepath.Join(folder, "package-lock.json"))
}

type readerEvent struct {
	Event, ID, Why, Availability, Activity string
	Live                                   bool
	Presence                               *struct{ Availability, Activity string }
}

// reader is a running one.
type reader struct {
	*process
	seen int // bytes of what it said that were looked at
}

func run(t *testing.T, folder string, env []string, command ...string) *reader {
	t.Helper()
	p := &process{t: t, command: exec.Command(command[0], command[1:]...), ended: make(chan struct{}), heard: make(chan struct{})}
	p.command.Dir = folder
	p.command.Env = append([]string{"PATH=" + os.Getenv("PATH")}, env...)
	p.command.Stdout, p.command.Stderr = p, p
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.command.Wait()
	}()
	t.Cleanup(func() {
		p.signal(syscall.SIGKILL)
		<-p.ended
		if said := p.said(); t.Failed() {
			t.Logf("%v said:\n%s", command, said[max(0, len(said)-3000):])
		}
	})
	return &reader{process: p}
}

// await waits for an event that comes after the one awaited before.
func (r *reader) await(what string, is func(readerEvent) bool) {
	r.t.Helper()
	eventually(r.t, 40*time.Second, what, func() bool {
		said := r.said()
		for {
			line, _, whole := strings.Cut(said[r.seen:], "\n")
			if !whole {
				return false
			}
			r.seen += len(line) + 1
			var e readerEvent
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				r.t.Fatalf("%v in %s", err, line)
			}
			if is(e) {
				return true
			}
		}
	})
}
