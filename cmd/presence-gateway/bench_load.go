package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sync/errgroup"

	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// load is one run against a gateway.
type load struct {
	stream, token string
	flags         benchFlags
	ids           []presence.ID // empty: everyone
	offset        time.Duration // what to add to this clock to get the gateway's

	connected, lost       atomic.Int64
	measuring             atomic.Bool
	states, frames, bytes atomic.Int64
	snapshots             atomic.Int64
	latency               latencies
	elapsed               time.Duration
	dialling              time.Duration
}

// dialAtOnce bounds how many handshakes are under way, so that the opening of connections measures nothing but itself.
const dialAtOnce = 64

func (l *load) run(ctx context.Context, terminal io.Writer) error {
	if err := l.prepare(ctx); err != nil {
		return err
	}
	work, cancel := context.WithCancel(ctx)
	defer cancel()
	progress, stopProgress := context.WithCancel(ctx)
	shown := make(chan struct{})
	go func() { defer close(shown); l.progress(progress, terminal) }()
	defer func() { stopProgress(); <-shown }()

	began := time.Now()
	dialers, dialing := errgroup.WithContext(work)
	dialers.SetLimit(dialAtOnce)
	var readers errgroup.Group
	for n := range l.flags.connections {
		dialers.Go(func() error {
			c, err := l.open(dialing, n)
			if err != nil {
				return err
			}
			l.connected.Add(1)
			readers.Go(func() error { l.read(work, c); return nil })
			return nil
		})
	}
	err := dialers.Wait()
	l.dialling = time.Since(began)
	if err == nil {
		l.measuring.Store(true)
		began = time.Now()
		select {
		case <-ctx.Done():
		case <-time.After(l.flags.duration):
		}
		l.measuring.Store(false)
		l.elapsed = time.Since(began)
	}
	cancel()
	return errors.Join(err, readers.Wait())
}

// prepare compares the clocks, and learns who can be watched where connections draw from everyone.
func (l *load) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	c, err := l.dial(ctx)
	if err != nil {
		return err
	}
	defer c.CloseNow()
	if err := write(ctx, c, map[string]any{"type": wire.Ping, "id": 1}); err != nil {
		return err
	}
	asked := time.Now()
	everyone := l.flags.perConnection > 0 && len(l.ids) == 0
	if everyone {
		if err := write(ctx, c, map[string]any{"type": wire.Subscribe, "id": 2, "users": "*"}); err != nil {
			return err
		}
	}
	for ponged := false; !ponged || everyone; {
		_, frame, err := c.Read(ctx)
		if err != nil {
			return fmt.Errorf("before measuring: %w", err)
		}
		var m wire.Message
		if err := json.Unmarshal(frame, &m); err != nil {
			return fmt.Errorf("the gateway's message is not understood: %w", err)
		}
		switch m.Type {
		case wire.Failure:
			return fmt.Errorf("the gateway answers %s: %s", m.Code, m.Message)
		case wire.Pong:
			// Half of the way there and back is the best guess at the way there.
			arrived := time.Now()
			l.offset, ponged = m.At.Sub(asked.Add(arrived.Sub(asked)/2)), true
		case wire.Snapshot:
			for _, p := range m.Presences {
				l.ids = append(l.ids, p.ID)
			}
			l.ids = append(append(l.ids, m.Pending...), m.Gone...)
			everyone = everyone && m.More
		}
	}
	return nil
}

func (l *load) dial(ctx context.Context) (*websocket.Conn, error) {
	o := &websocket.DialOptions{Subprotocols: []string{wire.Protocol}}
	if l.token != "" {
		o.HTTPHeader = http.Header{"Authorization": {"Bearer " + l.token}}
	}
	c, response, err := websocket.Dial(ctx, l.stream, o) //nolint:bodyclose // the library closes it
	if err != nil {
		if response != nil && response.StatusCode != http.StatusSwitchingProtocols {
			return nil, fmt.Errorf("connect to %s: the answer is %s", l.stream, response.Status)
		}
		return nil, fmt.Errorf("connect to %s: %w", l.stream, err)
	}
	c.SetReadLimit(wire.MaxFrame)
	return c, nil
}

// open connects and subscribes. Which users the nth connection draws follows from the seed.
func (l *load) open(ctx context.Context, n int) (*websocket.Conn, error) {
	dialing, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	c, err := l.dial(dialing)
	if err != nil {
		return nil, err
	}
	if len(l.ids) == 0 {
		err = write(dialing, c, map[string]any{"type": wire.Subscribe, "id": 1, "users": "*"})
	}
	for ids, id := l.draw(n), 1; len(ids) > 0 && err == nil; id++ {
		part := ids[:min(len(ids), wire.MaxUsers)]
		ids = ids[len(part):]
		err = write(dialing, c, map[string]any{"type": wire.Subscribe, "id": id, "users": part})
	}
	if err != nil {
		c.CloseNow()
		return nil, fmt.Errorf("subscribe: %w", err)
	}
	return c, nil
}

func (l *load) draw(n int) []presence.ID {
	most := l.flags.perConnection
	if most == 0 || most >= len(l.ids) {
		return l.ids
	}
	rng := rand.New(rand.NewPCG(l.flags.seed, uint64(n)))
	drawn := make([]presence.ID, 0, most)
	seen := make(map[int]bool, most)
	for len(drawn) < most {
		if i := rng.IntN(len(l.ids)); !seen[i] {
			seen[i] = true
			drawn = append(drawn, l.ids[i])
		}
	}
	return drawn
}

func write(ctx context.Context, c *websocket.Conn, message any) error {
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	return c.Write(ctx, websocket.MessageText, text)
}

var (
	deltaType    = []byte(`{"type":"delta"`)
	snapshotType = []byte(`{"type":"snapshot"`)
	observedAt   = []byte(`"observedAt":"`)
)

// read counts what arrives until ctx ends. It looks for the few bytes it needs instead of decoding: the client
// must not be what is measured. Within a text of a state the quotes would be escaped.
func (l *load) read(ctx context.Context, c *websocket.Conn) {
	defer c.CloseNow()
	for {
		_, frame, err := c.Read(ctx)
		if err != nil {
			if ctx.Err() == nil {
				l.lost.Add(1)
			}
			return
		}
		arrived := time.Now()
		if bytes.HasPrefix(frame, snapshotType) {
			l.snapshots.Add(int64(bytes.Count(frame, observedAt)))
			continue
		}
		if !l.measuring.Load() {
			continue
		}
		l.frames.Add(1)
		l.bytes.Add(int64(len(frame)))
		if bytes.HasPrefix(frame, deltaType) {
			l.delta(frame, arrived.Add(l.offset))
		}
	}
}

func (l *load) delta(frame []byte, arrived time.Time) {
	for states := int64(0); ; states++ {
		at := bytes.Index(frame, observedAt)
		if at < 0 {
			l.states.Add(states)
			return
		}
		frame = frame[at+len(observedAt):]
		end := bytes.IndexByte(frame, '"')
		if end < 0 {
			continue
		}
		if observed, err := time.Parse(time.RFC3339, string(frame[:end])); err == nil {
			l.latency.add(arrived.Sub(observed))
		}
	}
}
