package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) { os.Exit(withBinary(m)) }

func withBinary(m *testing.M) int {
	dir, err := os.MkdirTemp("", "presence-gateway")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "presence-gateway")
	// Without the flags that a release has, so that the packages the tests have compiled are not compiled anew.
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		return 1
	}
	return m.Run()
}

// process is one run of the program.
type process struct {
	t       testing.TB
	command *exec.Cmd
	started time.Time
	ended   chan struct{} // closed when it has ended and everything it said is there

	mu     sync.Mutex
	output bytes.Buffer  // both streams
	heard  chan struct{} // closed when output grows
}

// start runs the program with arguments and a clean environment but for env, and kills it when the test ends.
func start(t testing.TB, env []string, arguments ...string) *process {
	t.Helper()
	p := &process{t: t, command: exec.Command(binary, arguments...), ended: make(chan struct{}), heard: make(chan struct{})}
	home := t.TempDir()
	p.command.Env = append([]string{"HOME=" + home, "PATH=" + os.Getenv("PATH")}, env...)
	p.command.Stdout, p.command.Stderr = p, p
	p.started = time.Now()
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
		if t.Failed() {
			t.Logf("%v said:\n%s", arguments, p.said())
		}
	})
	return p
}

// Write takes what the process says.
func (p *process) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.heard)
	p.heard = make(chan struct{})
	return p.output.Write(text)
}

func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// awaitLine returns the first line with text in it, once it is there.
func (p *process) awaitLine(text string, within time.Duration) string {
	p.t.Helper()
	deadline := time.After(within)
	for {
		p.mu.Lock()
		heard := p.heard
		lines := bufio.NewScanner(bytes.NewReader(p.output.Bytes()))
		p.mu.Unlock()
		for lines.Scan() {
			if strings.Contains(lines.Text(), text) {
				return lines.Text()
			}
		}
		select {
		case <-heard:
		case <-p.ended:
			p.t.Fatalf("ended with %d without saying %q", p.command.ProcessState.ExitCode(), text)
		case <-deadline:
			p.t.Fatalf("did not say %q within %v", text, within)
		}
	}
}

// signal sends s; a process that has ended already is left in peace.
func (p *process) signal(s syscall.Signal) { _ = p.command.Process.Signal(s) }

// exit waits for the end and returns the exit code; -1 for one ended by a signal.
func (p *process) exit(within time.Duration) int {
	p.t.Helper()
	select {
	case <-p.ended:
		return p.command.ProcessState.ExitCode()
	case <-time.After(within):
		p.t.Fatalf("still running after %v", within)
		return 0
	}
}

// freePort is a port that nobody listens on now. Another process may take it before it is used: rare enough on a
// machine that runs tests.
func freePort(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// request calls a loopback URL and returns status and body.
func request(t testing.TB, method, url, body string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(text)
}

// eventually asks again and again until ok, and fails the test after a while. It is for what only a poll can tell,
// such as another process's readiness.
func eventually(t testing.TB, within time.Duration, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(within); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", within, what)
		}
	}
}

// tenant is a `simulate` process.
type tenant struct {
	*process
	url   string
	known []string // the ids of its people, once asked for
}

func startTenant(t testing.TB, arguments ...string) *tenant {
	t.Helper()
	p := start(t, nil, append([]string{"simulate", "--listen", "127.0.0.1:0"}, arguments...)...)
	line := p.awaitLine("http://", 10*time.Second)
	url := line[strings.Index(line, "http://"):]
	url, _, _ = strings.Cut(url, " ")
	return &tenant{process: p, url: url}
}

// person is one user of the tenant.
type person struct {
	ID string `json:"id"`
}

func (tn *tenant) people() []person {
	tn.t.Helper()
	var answer struct{ Value []person }
	tn.ask("GET", "/sim/users?top=1000000", "", &answer)
	return answer.Value
}

// ids are those of its people.
func (tn *tenant) ids() []string {
	tn.t.Helper()
	if tn.known == nil {
		for id := range tn.truth() {
			tn.known = append(tn.known, id)
		}
		slices.Sort(tn.known)
	}
	return tn.known
}

// stats are the tenant's figures that promises are judged by.
type stats struct {
	Reads, Refused, Peak, Changes int
}

func (tn *tenant) stats() (s stats) {
	tn.t.Helper()
	tn.ask("GET", "/sim/stats", "", &s)
	return s
}

// changes are those of the tenant after the last one known, oldest first, and the last of them; version is Graph's
// sequence number.
func (tn *tenant) changes(known int) (all []userChange, last int) {
	tn.t.Helper()
	for last = known; ; {
		var answer struct {
			Changes []struct {
				ID, Availability, Activity, SequenceNumber string
				ChangedAt                                  time.Time
			}
			Last, Lost int
		}
		tn.ask("GET", fmt.Sprintf("/sim/changes?after=%d&top=10000", last), "", &answer)
		if answer.Lost > 0 {
			tn.t.Fatalf("%d changes of the tenant were not written down", answer.Lost)
		}
		for _, c := range answer.Changes {
			all = append(all, userChange{c.ID, held{c.ChangedAt, c.Availability, c.Activity, c.SequenceNumber}})
		}
		if last = answer.Last; len(answer.Changes) < 10000 {
			return all, last
		}
	}
}

// userChange is what somebody became.
type userChange struct {
	user string
	held
}

// truth is everybody's state, and since when.
func (tn *tenant) truth() map[string]held {
	tn.t.Helper()
	status, text := request(tn.t, "GET", tn.url+"/sim/truth", "")
	if status != http.StatusOK {
		tn.t.Fatalf("truth: %d", status)
	}
	truth := map[string]held{}
	for lines := json.NewDecoder(strings.NewReader(text)); lines.More(); {
		var line struct {
			ID, Availability, Activity, SequenceNumber string
			ChangedAt                                  time.Time
		}
		if err := lines.Decode(&line); err != nil {
			tn.t.Fatal(err)
		}
		truth[line.ID] = held{line.ChangedAt, line.Availability, line.Activity, line.SequenceNumber}
	}
	return truth
}

func (tn *tenant) setPresence(id, availability, activity string) {
	tn.t.Helper()
	tn.ask("PUT", "/sim/users/"+id+"/presence", fmt.Sprintf(`{"availability":%q,"activity":%q}`, availability, activity), nil)
}

func (tn *tenant) ask(method, path, body string, answer any) {
	tn.t.Helper()
	status, text := request(tn.t, method, tn.url+path, body)
	if status != http.StatusOK {
		tn.t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	if answer == nil {
		return
	}
	if err := json.Unmarshal([]byte(text), answer); err != nil {
		tn.t.Fatalf("%s %s: %v in %s", method, path, err, text)
	}
}

// gatewayProcess is a `serve` process.
type gatewayProcess struct {
	*process
	address, admin string
	config         string // its file
}

// startGateway serves a tenant's users to anonymous callers and waits until it is ready. state is where it keeps its
// record, extra is YAML beside graph and watch, and env are variables over both.
func startGateway(t testing.TB, tn *tenant, state, extra string, env ...string) *gatewayProcess {
	t.Helper()
	g := launchGateway(t, tn, state, extra, env...)
	eventually(t, 15*time.Second, "readiness", func() bool {
		status, _ := request(t, "GET", "http://"+g.admin+"/readyz", "")
		return status == http.StatusOK
	})
	return g
}

// launchGateway is startGateway without the wait.
func launchGateway(t testing.TB, tn *tenant, state, extra string, env ...string) *gatewayProcess {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "token"), "any")
	var users strings.Builder
	for _, p := range tn.people() {
		users.WriteString(p.ID + "\n")
	}
	write(t, filepath.Join(dir, "users"), users.String())
	g := &gatewayProcess{address: freePort(t), admin: freePort(t), config: filepath.Join(dir, "config.yaml")}
	write(t, filepath.Join(dir, "config.yaml"), fmt.Sprintf(`listen: %s
admin_listen: %s
state_dir: %s
graph: {base_url: %q, credential: {kind: token_file, token_file: %s}, interval: 500ms}
watch: {users_file: %s}
%s`, g.address, g.admin, state, tn.url, filepath.Join(dir, "token"), filepath.Join(dir, "users"), extra))
	g.process = start(t, append([]string{"PRESENCE_GATEWAY_AUTH_ANONYMOUS=true"}, env...), "serve", "--config", filepath.Join(dir, "config.yaml"))
	return g
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func copyFile(t testing.TB, to, from string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	write(t, to, string(text))
}
