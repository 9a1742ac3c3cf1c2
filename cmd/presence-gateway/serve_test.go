package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

// openDoor lets anonymous callers see everyone, and drains fast enough for a test.
const openDoor = `gateway: {policy: [{who: {anonymous: true}, allow: "*"}], drain: 4s, drain_delay: 500ms}
`

// client is one WebSocket.
type client struct {
	t  testing.TB
	ws *websocket.Conn
}

func dial(t testing.TB, address string) *client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ws, response, err := websocket.Dial(ctx, "ws://"+address+"/v1/stream", &websocket.DialOptions{Subprotocols: []string{wire.Protocol}})
	if err != nil {
		t.Fatal(err, response)
	}
	ws.SetReadLimit(wire.MaxFrame)
	t.Cleanup(func() { ws.CloseNow() })
	return &client{t: t, ws: ws}
}

func (c *client) send(message any) {
	c.t.Helper()
	text, err := json.Marshal(message)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.ws.Write(c.t.Context(), websocket.MessageText, text); err != nil {
		c.t.Fatal(err)
	}
}

// until reads until found says so, and returns that message, or the error that ended the connection.
func (c *client) until(within time.Duration, found func(wire.Message) bool) (wire.Message, error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), within)
	defer cancel()
	for {
		_, text, err := c.ws.Read(ctx)
		if err != nil {
			return wire.Message{}, err
		}
		var m wire.Message
		if err := json.Unmarshal(text, &m); err != nil {
			c.t.Fatalf("%v in %s", err, text)
		}
		if found(m) {
			return m, nil
		}
	}
}

// availability finds a user's state in a message.
func availability(m wire.Message, id string) string {
	for _, p := range m.Presences {
		if p.ID.String() == id {
			return p.Availability
		}
	}
	return ""
}

// metricsOfTheContract are those that dashboards and alerts may rely on, as far as one healthy run shows them.
var metricsOfTheContract = []string{
	"presence_graph_requests_total{", "presence_graph_window_requests ", "presence_graph_window_limit 1500", "presence_graph_paused_seconds 0",
	"presence_watched_users 50", "presence_sweep_seconds ", "presence_age_seconds_bucket{", "presence_changes_total ",
	"presence_regressed_reads_total 0", "presence_degraded{", "presence_leader 1", "presence_hub_connected 1", "presence_connections 1",
	"presence_states_sent_total ", "presence_states_conflated_total ", "presence_read_to_send_seconds_bucket{", "presence_build_info{",
}

// From a change in the tenant to a client, and the two ways to end.
func TestServe(t *testing.T) {
	tn := startTenant(t, "--users", "50", "--seed", "3")
	g := startGateway(t, tn, t.TempDir(), openDoor)
	id := tn.people()[7].ID

	c := dial(t, g.address)
	c.send(map[string]any{"type": "subscribe", "id": 1, "users": []string{id}})
	tn.setPresence(id, "DoNotDisturb", "Presenting")
	changed := time.Now()
	if _, err := c.until(5*time.Second, func(m wire.Message) bool { return availability(m, id) == "DoNotDisturb" }); err != nil {
		t.Fatal(err)
	}
	t.Logf("a change reached the client after %v", time.Since(changed).Round(time.Millisecond))
	tn.setPresence(id, "Away", "Away")
	if _, err := c.until(5*time.Second, func(m wire.Message) bool { return m.Type == wire.Delta && availability(m, id) == "Away" }); err != nil {
		t.Fatal(err)
	}
	if status, body := request(t, "GET", "http://"+g.address+"/v1/presences/"+id, ""); status != http.StatusOK || !strings.Contains(body, `"Away"`) {
		t.Errorf("GET of the presence: %d %s", status, body)
	}
	_, metrics := request(t, "GET", "http://"+g.admin+"/metrics", "")
	for _, name := range metricsOfTheContract {
		if !strings.Contains(metrics, "\n"+name) {
			t.Errorf("/metrics has no %s", name)
		}
	}

	g.signal(syscall.SIGTERM)
	signalled := time.Now()
	eventually(t, time.Second, "readiness goes red", func() bool {
		status, _ := request(t, "GET", "http://"+g.admin+"/readyz", "")
		return status == http.StatusServiceUnavailable
	})
	late := dial(t, g.address) // within the delay
	goodbye, err := c.until(5*time.Second, func(m wire.Message) bool { return m.Type == wire.Goodbye })
	if err != nil || goodbye.ReconnectAfterMs < 0 {
		t.Errorf("goodbye: got %+v, %v", goodbye, err)
	}
	for _, each := range []*client{c, late} {
		if _, err := each.until(5*time.Second, func(wire.Message) bool { return false }); websocket.CloseStatus(err) != websocket.StatusServiceRestart {
			t.Errorf("the connection ended with %v, want close code 1012", err)
		}
	}
	if code := g.exit(5 * time.Second); code != 0 {
		t.Errorf("exit code %d after a drain, want 0", code)
	}
	if took := time.Since(signalled); took > 4*time.Second {
		t.Errorf("the drain took %v, more than gateway.drain", took)
	} else {
		t.Logf("drained in %v", took.Round(time.Millisecond))
	}
	if s := tn.stats(); s.Refused > 0 {
		t.Errorf("the tenant refused %d reads", s.Refused)
	}
}

func TestSecondSignal(t *testing.T) {
	tn := startTenant(t, "--users", "5")
	g := startGateway(t, tn, t.TempDir(), strings.Replace(openDoor, "drain: 4s, drain_delay: 500ms", "drain: 60s, drain_delay: 30s", 1))
	g.signal(syscall.SIGTERM)
	eventually(t, time.Second, "readiness goes red", func() bool {
		status, _ := request(t, "GET", "http://"+g.admin+"/readyz", "")
		return status == http.StatusServiceUnavailable
	})
	g.signal(syscall.SIGINT)
	if code := g.exit(2 * time.Second); code != 1 {
		t.Errorf("exit code %d after a second signal, want 1", code)
	}
}

// A process that is killed again and again, each time as soon as it has read, must not spend a new budget each time.
func TestBudgetOverKills(t *testing.T) {
	tn := startTenant(t, "--users", "200", "--budget", "20", "--window", "5s")
	state := t.TempDir()
	const kills = 30
	for range kills {
		g := launchGateway(t, tn, state, openDoor, "PRESENCE_GRAPH_BUDGET_REQUESTS=20", "PRESENCE_GRAPH_BUDGET_WINDOW=5s",
			"PRESENCE_GRAPH_INTERVAL=10ms", "PRESENCE_GRAPH_TIMEOUT=500ms")
		before := tn.stats().Reads
		// Most lives are too short for a read, which is the point: the record knows what was spent.
		for deadline := time.Now().Add(200 * time.Millisecond); tn.stats().Reads == before && time.Now().Before(deadline); {
		}
		g.signal(syscall.SIGKILL)
		g.exit(2 * time.Second)
	}
	if s := tn.stats(); s.Peak > 20 || s.Refused > 0 || s.Reads == 0 {
		t.Errorf("most reads in a window: %d of 20, over %d reads; refused: %d", s.Peak, s.Reads, s.Refused)
	} else {
		t.Logf("most reads in a window: %d of 20, over %d reads and %d kills", s.Peak, s.Reads, kills)
	}
}

func TestListenerTaken(t *testing.T) {
	tn := startTenant(t, "--users", "5")
	taken := strings.TrimPrefix(tn.url, "http://")
	p := start(t, nil, "demo", "--listen", taken)
	if code := p.exit(5 * time.Second); code != 1 || !strings.Contains(p.said(), "--listen: "+taken+" is in use by another process") {
		t.Errorf("exit code %d, said %s", code, p.said())
	}
	for key, variable := range map[string]string{"listen": "PRESENCE_LISTEN", "admin_listen": "PRESENCE_ADMIN_LISTEN"} {
		g := launchGateway(t, tn, t.TempDir(), openDoor, variable+"="+taken)
		if code := g.exit(5 * time.Second); code != 1 || !strings.Contains(g.said(), key+": "+taken+" is in use by another process") {
			t.Errorf("%s: exit code %d, said %s", key, code, g.said())
		}
	}
}

func TestBadConfiguration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.yaml")
	write(t, path, "graph: {cloud: china, budget: {window: 0}}\nliste: x\n")
	p := start(t, []string{"PRESENCE_GATEWAY_FLUSH=soon"}, "serve", "--config", path)
	code := p.exit(5 * time.Second)
	for _, want := range []string{path + ":1: graph.cloud: china", path + ":1: graph.budget.window: ", path + ":1: graph.credential: ",
		path + ":2: liste: unknown key; did you mean listen?", "PRESENCE_GATEWAY_FLUSH: ", "gateway.auth.anonymous: nobody gets in"} {
		if !strings.Contains(p.said(), want) {
			t.Errorf("not said: %s", want)
		}
	}
	if code != 2 {
		t.Errorf("exit code %d, want 2", code)
	}
}

// What only the credential can judge is a mistake of the configuration all the same, with its line.
func TestBadCredential(t *testing.T) {
	for text, want := range map[string]string{
		"tenant_id: common, client_id: a":                                             ":2: graph.credential.tenant_id: \"common\" is no tenant: ",
		"tenant_id: t, client_id: a, authority: \"https://login.microsoftonline.us\"": ":2: graph.credential.authority: it is the login of cloud us-gov-l4, but graph.cloud is global: ",
		"kind: workload_identity, tenant_id: t, client_id: a":                         ":2: graph.credential: AZURE_FEDERATED_TOKEN_FILE: the environment does not name the workload's token: ",
	} {
		path := filepath.Join(t.TempDir(), "c.yaml")
		write(t, path, "graph:\n  credential: {"+text+"}\ngateway: {auth: {anonymous: true}, policy: [{who: {anonymous: true}, allow: \"*\"}]}\n")
		p := start(t, []string{"PRESENCE_GRAPH_CREDENTIAL_CLIENT_SECRET=s"}, "serve", "--config", path)
		if code := p.exit(5 * time.Second); code != 2 || !strings.Contains(p.said(), path+want) {
			t.Errorf("%s: exit code %d, said %s", text, code, p.said())
		}
	}
}

func TestBadUsage(t *testing.T) {
	memory, token := filepath.Join(t.TempDir(), "memory.yaml"), filepath.Join(t.TempDir(), "token")
	write(t, token, "t")
	write(t, memory, "graph: {credential: {kind: token_file, token_file: "+token+"}}\n"+
		"gateway: {auth: {anonymous: true}, policy: [{who: {anonymous: true}, allow: '*'}]}\n")
	for _, row := range []struct {
		arguments []string
		code      int
		want      string
	}{
		{[]string{"serv"}, 2, "unknown command"},
		{[]string{"serve"}, 2, "--config is missing"},
		{[]string{"serve", "--config", "/nowhere.yaml"}, 2, "/nowhere.yaml: cannot be read: no such file or directory"},
		{[]string{"serve", "--config", memory, "--role", "poller"}, 2, "set hub.kind: redis, or use --role all"},
		{[]string{"serve", "--config", memory, "--role", "gateway"}, 2, "set hub.kind: redis, or use --role all"},
		{[]string{"serve", "--config", "a", "--role", "boss"}, 2, "want all, poller or gateway"},
		{[]string{"serve", "--confg", "a"}, 2, "unknown flag: --confg"},
		{[]string{"serve", "a"}, 2, "unknown command"},
		{[]string{"demo", "--users", "0"}, 2, "--users 0: want 1 or more"},
		{[]string{"demo", "--users", "many"}, 2, "invalid argument"},
		{[]string{"simulate"}, 2, "--listen is missing"},
		{[]string{"simulate", "--listen", "127.0.0.1:0", "--tls-cert", "a"}, 2, "give both or neither"},
		{[]string{"simulate", "--listen", "127.0.0.1:0", "--client-id", "a", "--client-secret", "b"}, 2, "--client-id needs --tls"},
		{[]string{"simulate", "--listen", "127.0.0.1:0", "--client-id", "a", "--tls"}, 2, "--client-secret is missing"},
		{[]string{"simulate", "--listen", "127.0.0.1:0", "--login-listen", "127.0.0.1:0", "--tls"}, 2, "--client-id is missing"},
		{[]string{"simulate", "--listen", "127.0.0.1:0", "--ca-file", "a"}, 2, "--ca-file is for the authority that --tls makes"},
		{[]string{"simulate", "--listen", "127.0.0.1:0", "--tls", "--tls-cert", "a", "--tls-key", "b"}, 2, "give one of them"},
		{[]string{"simulate", "--listen", "127.0.0.1:0", "--tls", "--ca-file", "/nowhere/ca.pem"}, 1, "--ca-file: open /nowhere/ca.pem"},
		{[]string{"simulate", "--listen", "127.0.0.1:0", "--count", "users"}, 2, "--count \"users\": want requests or ids"},
		{[]string{"simulate", "--listen", "127.0.0.1:0", "--trace", "/nowhere.jsonl"}, 2, "--trace: open /nowhere.jsonl: no such file"},
		{[]string{"simulate", "--listen", "127.0.0.1:0", "--trace", "serve_test.go"}, 2, "--trace serve_test.go: graphsim: trace: line 1: "},
		{[]string{"simulate", "--listen", "127.0.0.1:0", "--trace", "a", "--users", "5"}, 2, "--trace says who there is and when they change"},
		{[]string{"simulate", "--listen", "127.0.0.1:0", "--trace-from", "5s"}, 2, "--trace-from is a place in a trace"},
		{[]string{"simulate", "--listen", "127.0.0.1:99999"}, 1, "--listen: cannot listen on 127.0.0.1:99999"},
		{[]string{"check"}, 2, "--config is missing"},
		{[]string{"check", "--config", "/nowhere.yaml"}, 2, "/nowhere.yaml: cannot be read: no such file or directory"},
		{[]string{"plan"}, 2, "--users is missing"},
		{[]string{"plan", "--users", "5", "--connections", "-1"}, 2, "--connections: want 0 or more"},
		{[]string{"plan", "--users", "5", "--read", "all"}, 2, "--read \"all\": want batch"},
		{[]string{"plan", "--users", "5", "--requests", "1"}, 2, "--requests 1: want 2 or more"},
		{[]string{"plan", "--users", "5", "--changes-per-user-hour", "NaN"}, 2, "want 0 or more"},
		{[]string{"plan", "--users", "5", "--window", "0s"}, 2, "want more than 0"},
		{[]string{"bench"}, 2, "--url"},
		{[]string{"bench", "--url", "http://127.0.0.1:1", "--users", "x"}, 2, "--users"},
		{[]string{"bench", "--url", "http://127.0.0.1:1"}, 1, "connect to ws://127.0.0.1:1/v1/stream"},
		{[]string{"health", "--url", "http://127.0.0.1:1/livez"}, 1, "health: "},
		{[]string{"version"}, 0, "commit "},
		{[]string{"--help"}, 0, "serve"},
	} {
		t.Run(strings.Join(row.arguments, " "), func(t *testing.T) {
			p := start(t, nil, row.arguments...)
			if code := p.exit(5 * time.Second); code != row.code || !strings.Contains(p.said(), row.want) {
				t.Errorf("exit code %d, want %d; said:\n%s\nwant: %s", code, row.code, p.said(), row.want)
			}
		})
	}
}

func TestDemo(t *testing.T) {
	address := freePort(t)
	temporary := t.TempDir()
	p := start(t, []string{"TMPDIR=" + temporary}, "demo", "--listen", address, "--users", "100", "--log-level", "info")
	url := "http://" + address
	eventually(t, 5*time.Second, "the page", func() bool {
		status, _ := request(t, "GET", url+"/", "")
		return status == http.StatusOK
	})
	page := time.Since(p.started)
	c := dial(t, address)
	c.send(map[string]any{"type": "subscribe", "id": 1, "users": "*"})
	first, err := c.until(5*time.Second, func(m wire.Message) bool { return len(m.Presences) > 0 })
	if err != nil {
		t.Fatal(err)
	}
	live := time.Since(p.started)
	t.Logf("page after %v, states after %v", page.Round(time.Millisecond), live.Round(time.Millisecond))
	if live > 2*time.Second {
		t.Errorf("the demo was live after %v, want 2s", live)
	}
	if _, body := request(t, "GET", url+"/v1/settings", ""); !strings.Contains(body, `"demo":true`) {
		t.Errorf("settings: %s", body)
	}
	if _, body := request(t, "GET", url+"/v1/directory", ""); !strings.Contains(body, `"displayName"`) {
		t.Errorf("directory without names: %.300s", body)
	}
	id := first.Presences[0].ID.String()
	if status, body := request(t, "PUT", url+"/sim/users/"+id+"/presence", `{"availability":"BeRightBack","activity":"BeRightBack"}`); status != http.StatusOK {
		t.Fatalf("change by hand: %d %s", status, body)
	}
	if _, err := c.until(5*time.Second, func(m wire.Message) bool { return availability(m, id) == "BeRightBack" }); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGINT)
	if code := p.exit(3 * time.Second); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if found, _ := filepath.Glob(filepath.Join(homeOf(p), "*", "*")); len(found) > 0 {
		t.Errorf("the demo wrote %v", found)
	}
	if found, _ := filepath.Glob(filepath.Join(temporary, "*")); len(found) > 0 {
		t.Errorf("the demo left %v", found)
	}
	if !strings.Contains(p.said(), "with the full budget") {
		t.Error("the demo did not begin with the full budget")
	}
}

// Origins that may connect may show the dashboard in a frame, too.
func TestFraming(t *testing.T) {
	tn := startTenant(t, "--users", "5")
	g := startGateway(t, tn, t.TempDir(), openDoor, "PRESENCE_GATEWAY_ORIGINS=https://intranet.example.com")
	response, err := http.Get("http://" + g.address + "/")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if policy := response.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors 'self' https://intranet.example.com;") {
		t.Errorf("got %s", policy)
	}
}

func TestBench(t *testing.T) {
	address := freePort(t)
	start(t, nil, "demo", "--listen", address, "--users", "50", "--changes-per-second", "50").awaitLine("http://", 5*time.Second)
	for _, arguments := range [][]string{{}, {"--users-per-connection", "10"}} {
		p := start(t, nil, append([]string{"bench", "--url", "http://" + address, "--connections", "20", "--duration", "2s"}, arguments...)...)
		if code := p.exit(15 * time.Second); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		for _, want := range []string{"connections   20 opened", " 0 lost", "states", "latency       p50 "} {
			if !strings.Contains(p.said(), want) {
				t.Errorf("%v: not said: %s", arguments, want)
			}
		}
		t.Logf("%v:\n%s", arguments, p.said())
	}
}

func homeOf(p *process) string {
	for _, entry := range p.command.Env {
		if home, ok := strings.CutPrefix(entry, "HOME="); ok {
			return home
		}
	}
	panic(fmt.Sprint("no home in ", p.command.Env))
}

func TestDemoIsSteeredFromThisMachineOnly(t *testing.T) {
	address := freePort(t)
	start(t, nil, "demo", "--listen", address, "--users", "5").awaitLine("http://", 5*time.Second)
	for origin, want := range map[string]int{"": 200, "http://127.0.0.1:3000": 200, "http://localhost": 200,
		"https://evil.example": 403, "null": 403, "http://localhost.evil.example": 403} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+address+"/sim/stats", nil)
		if err != nil {
			t.Fatal(err)
		}
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("origin %q: %d, want %d", origin, response.StatusCode, want)
		}
	}
}
