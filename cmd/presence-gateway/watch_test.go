//go:build linux

package main_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A table on a terminal: what people do, a gateway that is killed and comes back, Graph's outages, other sizes, the end.
func TestWatchTable(t *testing.T) {
	tn := startTenant(t, "--users", "40", "--seed", "3")
	g := startGateway(t, tn, t.TempDir(), openDoor, "PRESENCE_WATCH_DIRECTORY=true", "PRESENCE_GATEWAY_HEARTBEAT=500ms")
	var everyone struct {
		Value []struct{ ID, DisplayName, Department string }
	}
	tn.ask("GET", "/sim/users?top=1000", "", &everyone)
	who := everyone.Value[0]
	for _, other := range everyone.Value { // the first by name is on the first page
		if strings.ToLower(other.DisplayName) < strings.ToLower(who.DisplayName) {
			who = other
		}
	}
	tn.setPresence(who.ID, "Busy", "InACall")
	x := open(t, 80, 24, nil, "watch", "--url", "http://"+g.address, "*", "nobody@example.com")
	x.shows("Presence Gateway", "● live")
	x.shows(who.DisplayName, "■ Busy", "In a call")
	x.shows("1–19 of 41 people")
	if line, style := x.line("■ Busy  "); style != "31" {
		t.Errorf("busy is shown in %q: %s", style, line)
	}
	tn.setPresence(who.ID, "DoNotDisturb", "Presenting")
	x.shows(who.DisplayName, "⊘ Do not disturb", "Presenting")
	if strings.Contains(x.screen(), "DEPARTMENT") {
		t.Error("departments at 80 columns")
	}
	x.press("G")
	x.shows("of 41 people", "–41")
	x.shows("nobody@example.com", "! No such id")
	x.press("\x1b[H")
	x.shows("1–19 of 41 people")

	x.resize(200, 50)
	x.shows("NAME", "DEPARTMENT", "TITLE", "NOTE")
	x.shows(who.DisplayName, who.Department)
	x.shows("41 people · q quits")
	x.resize(40, 10)
	x.until("nothing wider than 40", func() bool { return strings.Contains(x.screen(), "1–5 of 41") })
	x.resize(80, 24)

	tn.ask("PUT", "/sim/faults", `{"status":{"status":503,"share":1}}`, nil)
	x.shows("▲ degraded for", "graph unavailable")
	tn.ask("DELETE", "/sim/faults", "", nil)
	x.shows("● live")

	g.signal(syscall.SIGKILL)
	g.exit(5 * time.Second)
	x.shows("◌ reconnecting for", "refused")
	if _, style := x.line("⊘ Do not disturb"); style != "2" {
		t.Errorf("what is not confirmed is shown in %q", style)
	}
	tn.setPresence(who.ID, "Available", "Available")
	g = g.again(t)
	x.shows("● live")
	x.shows(who.DisplayName, "● Available")

	before, _ := unix.IoctlGetTermios(int(x.master.Fd()), unix.TCGETS)
	if !x.away() {
		t.Error("the table is not on a page of its own")
	}
	x.press("q")
	if code := x.exit(); code != 0 {
		t.Errorf("exit %d", code)
	}
	x.until("what was there before", func() bool { return !x.away() })
	if after, err := unix.IoctlGetTermios(int(x.master.Fd()), unix.TCGETS); err != nil || before.Lflag&unix.ECHO != 0 || after.Lflag&unix.ECHO == 0 {
		t.Error("the terminal is not as it was")
	}
	// Nothing is drawn faster than ten times a second, nor when nothing changes.
	if most := int(time.Since(g.started).Seconds()*11) + 600; x.writes > most {
		t.Errorf("%d frames", x.writes)
	}
}

func TestWatchWithoutColour(t *testing.T) {
	address := freePort(t)
	start(t, nil, "demo", "--listen", address, "--users", "10").awaitLine("open http://", 10*time.Second)
	x := open(t, 80, 24, []string{"NO_COLOR=1"}, "watch", "--url", "http://"+address, "*")
	x.shows("● live")
	x.shows("10 people")
	_ = x.command.Process.Signal(syscall.SIGTERM)
	if code := x.exit(); code != 0 || strings.Contains(x.raw.String(), "m●") || strings.Contains(x.raw.String(), "\x1b[2m") {
		t.Errorf("exit %d, or colours", code)
	}
}

// Lines of JSON where nobody looks.
func TestWatchLines(t *testing.T) {
	tn := startTenant(t, "--users", "5")
	g := startGateway(t, tn, t.TempDir(), openDoor)
	id := tn.people()[0].ID
	tn.setPresence(id, "Busy", "InACall")
	p := start(t, nil, "watch", "--url", "ws://"+g.address+"/", id, "x")
	p.awaitLine(`"event":"status","at"`, 5*time.Second)
	p.awaitLine(`"why":"invalid"`, 5*time.Second)
	p.awaitLine(`"state":"live"`, 5*time.Second)
	p.awaitLine(`"activity":"InACall"`, 5*time.Second)
	tn.setPresence(id, "Away", "Away")
	line := p.awaitLine(`"availability":"Away"`, 5*time.Second)
	var event struct {
		Event    string
		At       time.Time
		Presence struct{ ID, Version, SequenceNumber string }
	}
	if err := json.Unmarshal([]byte(line), &event); err != nil || event.Event != "presence" || event.Presence.ID != id ||
		event.Presence.Version == "" || event.Presence.SequenceNumber == "" || event.At.IsZero() {
		t.Errorf("%v in %s", err, line)
	}
	g.signal(syscall.SIGKILL)
	p.awaitLine(`"state":"down"`, 5*time.Second)
	p.signal(syscall.SIGTERM)
	if code := p.exit(5 * time.Second); code != 0 {
		t.Errorf("exit %d", code)
	}
}

func TestWatchEnds(t *testing.T) {
	address := freePort(t)
	start(t, nil, "demo", "--listen", address, "--users", "10").awaitLine("open http://", 10*time.Second)
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	defer elsewhere.Close()
	for _, row := range []struct {
		name      string
		env       []string
		arguments []string
		code      int
		says      string
	}{
		{"nobody", nil, []string{"--url", "http://" + address}, 2, "whom?"},
		{"no address", nil, []string{"*"}, 2, "--url: missing"},
		{"no scheme", nil, []string{"--url", "ftp://" + address, "*"}, 2, "scheme"},
		{"no gateway", nil, []string{"--url", elsewhere.URL, "*"}, 1, "is this a gateway? "},
		{"a bad token", []string{"PRESENCE_TOKEN=canary"}, []string{"--url", "http://" + address, "*"}, 1, "PRESENCE_TOKEN"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := start(t, row.env, append([]string{"watch"}, row.arguments...)...)
			if code := p.exit(10 * time.Second); code != row.code || !strings.Contains(p.said(), row.says) || strings.Contains(p.said(), "canary") {
				t.Errorf("exit %d: %s", code, p.said())
			}
		})
	}
	// Whoever reads has seen enough: it ends without a word, as other programs do.
	pipe := exec.Command("sh", "-c", binary+` watch --url http://`+address+` "*" | head -n 3; echo done`)
	if out, err := pipe.CombinedOutput(); err != nil || strings.Count(string(out), "\n") != 4 || strings.Contains(string(out), "presence-gateway:") {
		t.Errorf("%v: %s", err, out)
	}
}
