package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

// siege is a real gateway with clients that keep to the rules, measured while others do not.
type siege struct {
	t        *testing.T
	tenant   *tenant
	gateway  *gatewayProcess
	users    []string
	baseline latency

	mu    sync.Mutex
	calm  measured
	ended error // of a calm client
}

// measured is what calm clients saw in a stretch of time.
type measured struct{ states, pongs []time.Duration }

// latency is how long things took for 99 of 100: a state from the begin of its read at Graph, a pong from its ping.
type latency struct {
	state, pong time.Duration
	states      int
}

const (
	calmKey, hostileKey = "calm-key", "hostile-key"
	calmClients         = 4
)

func newSiege(t *testing.T, extra string) *siege {
	t.Helper()
	s := &siege{t: t, tenant: startTenant(t, "--users", "200", "--changes-per-second", "100")}
	keys := filepath.Join(t.TempDir(), "keys.yaml")
	write(t, keys, asKey("calm", calmKey)+asKey("hostile", hostileKey))
	s.gateway = startGateway(t, s.tenant, t.TempDir(), fmt.Sprintf(
		`gateway: {auth: {api_keys_file: %s}, policy: [{who: {everyone: true}, allow: "*"}], drain: 2s, drain_delay: 0s, stall: 3s%s}
`, keys, extra), "PRESENCE_GATEWAY_AUTH_ANONYMOUS=false", "PRESENCE_WATCH_ON_DEMAND=true")
	for _, p := range s.tenant.people() {
		s.users = append(s.users, p.ID)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	t.Cleanup(func() { cancel(); group.Wait() })
	for range calmClients {
		ws, _, err := websocket.Dial(ctx, "ws://"+s.gateway.address+"/v1/stream", &websocket.DialOptions{
			Subprotocols: []string{wire.Protocol}, HTTPHeader: http.Header{"Authorization": {"Bearer " + calmKey}}})
		if err != nil {
			t.Fatal(err)
		}
		ws.SetReadLimit(wire.MaxFrame)
		group.Go(func() { s.listen(ctx, ws) })
		group.Go(func() { s.ask(ctx, ws) })
	}
	return s
}

// ask subscribes to everyone, and pings ten times a second.
func (s *siege) ask(ctx context.Context, ws *websocket.Conn) {
	text := []byte(`{"type":"subscribe","users":"*"}`)
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for ws.Write(ctx, websocket.MessageText, text) == nil {
		<-ticker.C
		text = fmt.Appendf(nil, `{"type":"ping","id":%d}`, time.Now().UnixNano())
	}
}

func (s *siege) listen(ctx context.Context, ws *websocket.Conn) {
	defer ws.CloseNow()
	for {
		_, text, err := ws.Read(ctx)
		now := time.Now()
		if err != nil {
			s.mu.Lock()
			if ctx.Err() == nil {
				s.ended = err
			}
			s.mu.Unlock()
			return
		}
		var m wire.Message
		if err := json.Unmarshal(text, &m); err != nil {
			s.t.Errorf("%v in %s", err, text)
		}
		s.mu.Lock()
		switch m.Type {
		case wire.Delta:
			for _, p := range m.Presences {
				s.calm.states = append(s.calm.states, now.Sub(p.ObservedAt))
			}
		case wire.Pong:
			asked, _ := strconv.ParseInt(m.ID.String(), 10, 64)
			s.calm.pongs = append(s.calm.pongs, now.Sub(time.Unix(0, asked)))
		case wire.Failure:
			s.t.Errorf("a calm client was refused: %s", text)
		}
		s.mu.Unlock()
	}
}

// since forgets what was measured and returns it.
func (s *siege) since() latency {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		s.t.Fatalf("a calm client was closed: %v", s.ended)
	}
	l := latency{state: ninetyNine(s.calm.states), pong: ninetyNine(s.calm.pongs), states: len(s.calm.states)}
	s.calm = measured{}
	return l
}

func ninetyNine(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)*99/100]
}

// memory is what the gateway has of the machine's, in bytes.
func (s *siege) memory() int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.gateway.command.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		s.t.Fatal(err)
	}
	return n << 10
}

// What an attack may cost. Noise is what a busy machine adds to a second of measuring, on which attackers and calm
// clients live too.
const (
	mayGrow = 32 << 20
	noise   = 300 * time.Millisecond
)

// stretch is how long is measured at least: longer in a soak.
func stretch() time.Duration {
	if os.Getenv("PRESENCE_SOAK") != "" {
		return 10 * time.Second
	}
	return time.Second
}

// under runs an attack, and judges what it cost the gateway and the calm clients.
func (s *siege) under(name string, attack func(t *testing.T) (outcome string)) {
	s.t.Run(name, func(t *testing.T) {
		if runtime.GOOS != "linux" {
			t.Skip("memory is read from /proc")
		}
		before := s.memory()
		most, over := make(chan int), make(chan struct{})
		go func() {
			ticker := time.NewTicker(20 * time.Millisecond)
			defer ticker.Stop()
			for peak := before; ; {
				select {
				case <-ticker.C:
					peak = max(peak, s.memory())
				case <-over:
					most <- peak
					return
				}
			}
		}()
		s.since()
		start := time.Now()
		outcome := attack(t)
		took := time.Since(start)
		time.Sleep(stretch() - took) // what is measured is a stretch of time
		close(over)
		grown := <-most - before
		now := s.since()
		t.Logf("%s, all within %v; memory %+d KiB; p99 of %d states %v (before %v), of pongs %v (before %v)", outcome, took.Round(time.Millisecond), grown>>10,
			now.states, now.state.Round(time.Microsecond), s.baseline.state.Round(time.Microsecond), now.pong.Round(time.Microsecond), s.baseline.pong.Round(time.Microsecond))
		if grown > mayGrow {
			t.Errorf("memory grew by %d KiB", grown>>10)
		}
		if now.states == 0 || now.state > 2*s.baseline.state+noise || now.pong > 2*s.baseline.pong+noise {
			t.Errorf("others were slower: %+v, before %+v", now, s.baseline)
		}
	})
}

// each runs n attackers side by side and counts how they ended.
func each(n int, attacker func(i int) string) string {
	var mu sync.Mutex
	ends := map[string]int{}
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			end := attacker(i)
			mu.Lock()
			defer mu.Unlock()
			ends[end]++
		})
	}
	group.Wait()
	var all []string
	for end, n := range ends {
		all = append(all, fmt.Sprintf("%d x %s", n, end))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
