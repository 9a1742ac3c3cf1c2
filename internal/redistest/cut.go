package redistest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// Wire is a connection's way to a server that a test can cut: a toxiproxy process in between.
type Wire struct {
	Addr string // where to connect instead of the server

	t   testing.TB
	api string
}

// NewWire starts a wire to a server.
func NewWire(t testing.TB, server string) *Wire {
	t.Helper()
	program := toxiproxy(t)
	w := &Wire{t: t}
	port := freePort(t)
	cmd := exec.Command(program, "-host", "127.0.0.1", "-port", strconv.Itoa(port))
	notLeftBehind(cmd)
	began, ended := make(chan error), make(chan struct{})
	go func() { // as with a server
		runtime.LockOSThread()
		err := cmd.Start()
		began <- err
		if err == nil {
			_ = cmd.Wait() // killed
		}
		close(ended)
	}()
	if err := <-began; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-ended
	})
	w.api = "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	Await(t, "toxiproxy answers", func() bool {
		response, err := http.Get(w.api + "/version")
		if err == nil {
			response.Body.Close()
		}
		return err == nil
	})
	made := struct {
		Listen string `json:"listen"`
	}{}
	w.call(http.MethodPost, "/proxies", map[string]any{"name": "redis", "listen": "127.0.0.1:0", "upstream": server, "enabled": true}, &made)
	w.Addr = made.Listen
	return w
}

// Cut closes every connection and refuses new ones.
func (w *Wire) Cut() {
	w.t.Helper()
	w.call(http.MethodPost, "/proxies/redis", map[string]any{"enabled": false}, nil)
}

// Mend lets connections through again.
func (w *Wire) Mend() {
	w.t.Helper()
	w.call(http.MethodPost, "/proxies/redis", map[string]any{"enabled": true}, nil)
}

// Swallow lets nothing through in either direction while connections stay open, as a firewall does that forgot them.
func (w *Wire) Swallow() {
	w.t.Helper()
	for _, stream := range []string{"upstream", "downstream"} {
		w.call(http.MethodPost, "/proxies/redis/toxics", map[string]any{"name": "swallow_" + stream, "type": "timeout", "stream": stream,
			"attributes": map[string]any{"timeout": 0}}, nil)
	}
}

// Slow delays what comes from the server.
func (w *Wire) Slow(by time.Duration) {
	w.t.Helper()
	w.call(http.MethodPost, "/proxies/redis/toxics", map[string]any{"name": "slow", "type": "latency", "stream": "downstream",
		"attributes": map[string]any{"latency": by.Milliseconds(), "jitter": by.Milliseconds() / 4}}, nil)
}

// Heal ends Swallow and Slow. What was swallowed is lost, and its connections end.
func (w *Wire) Heal() {
	w.t.Helper()
	w.call(http.MethodPost, "/reset", nil, nil)
}

func (w *Wire) call(method, path string, body, answer any) {
	w.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	request, err := http.NewRequest(method, w.api+path, bytes.NewReader(text))
	if err != nil {
		w.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= 300 {
		err = fmt.Errorf("%s: %s", response.Status, said)
	}
	if err == nil && answer != nil {
		err = json.Unmarshal(said, answer)
	}
	if err != nil {
		w.t.Fatalf("redistest: %s %s: %v", method, path, err)
	}
}
