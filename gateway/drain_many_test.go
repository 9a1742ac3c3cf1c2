package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

// Five thousand connections are told when to come back, and closed with 1012, all within the drain, while states go on
// changing; and their returns are spread.
func TestDrainOfThousands(t *testing.T) {
	const connections, drain = 5000, 5 * time.Second
	if testing.Short() {
		t.Skip("opens thousands of connections")
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < 2*connections+200 {
		t.Skipf("only %d files may be open", limit.Cur)
	}
	w := newWorld(t, 50, gateway.Options{Drain: drain, DrainDelay: 200 * time.Millisecond})
	w.setAll("Busy", upTo(50)...)
	clients := make([]*client, connections)
	var opening sync.WaitGroup
	for part := range 8 {
		opening.Go(func() {
			for i := part; i < connections; i += 8 {
				c, _, err := w.tryDial()
				if err != nil {
					t.Error(err)
					return
				}
				c.send(`{"type":"subscribe","id":1,"users":"*"}`)
				clients[i] = c
			}
		})
	}
	opening.Wait()
	if t.Failed() {
		t.FailNow()
	}
	stop := w.storm(50, time.Second)
	defer stop()
	var mu sync.Mutex
	ends, returns, goodbyes := map[websocket.StatusCode]int{}, map[int]int{}, 0
	var ending sync.WaitGroup
	for _, c := range clients {
		ending.Go(func() {
			for {
				_, text, err := c.ws.Read(context.Background())
				var m wire.Message
				if err == nil && bytes.Contains(text, []byte(`"goodbye"`)) { // nothing else is worth reading here
					err = json.Unmarshal(text, &m)
				}
				mu.Lock()
				if err != nil {
					ends[websocket.CloseStatus(err)]++
					mu.Unlock()
					return
				}
				if m.Type == wire.Goodbye {
					goodbyes++
					returns[m.ReconnectAfterMs/1000]++
				}
				mu.Unlock()
			}
		})
	}
	start := time.Now()
	w.stop()
	w.ended.Wait()
	took := time.Since(start)
	ending.Wait()
	t.Logf("drained in %v; returns by second %v", took.Round(time.Millisecond), returns)
	if took > drain || ends[websocket.StatusServiceRestart] != connections || goodbyes != connections {
		t.Errorf("drained in %v: %d goodbyes, ends %v", took, goodbyes, ends)
	}
	for second, n := range returns {
		if n > connections/4 {
			t.Errorf("%d come back in second %d", n, second)
		}
	}
}
