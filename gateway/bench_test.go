package gateway_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

// The clients of a benchmark are a process of their own, this test binary again, so that processor time and memory
// are the server's alone. It connects, subscribes, says "ready", and discards what comes until its input ends.
func TestMain(m *testing.M) {
	if spec := os.Getenv("GATEWAY_BENCH_CLIENTS"); spec != "" {
		if err := benchClients(spec); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	leakChecked(m)
}

// benchClients connects as many clients as the spec says: address, clients, users of each, users in all.
func benchClients(spec string) error {
	var addr, kind string
	var clients, each, all int
	if _, err := fmt.Sscan(spec, &addr, &clients, &each, &all, &kind); err != nil {
		return err
	}
	var ready sync.WaitGroup
	var latencies samples
	slots := make(chan struct{}, 64)
	ready.Add(clients)
	for i := range clients {
		slots <- struct{}{}
		go func() {
			defer func() { <-slots }()
			c, err := net.Dial("tcp", addr)
			if err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
			var users []int
			for j := range each {
				users = append(users, (i*each+j)%all)
			}
			if kind == "events" {
				go benchEvents(c, `{"users":`+ids(users...)+`}`, ready.Done, &latencies)
				return
			}
			offer := ""
			if kind == "compressed" {
				offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
			}
			_, _ = io.WriteString(c, "GET /v1/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: "+wire.Protocol+"\r\n"+offer+"\r\n")
			r := bufio.NewReaderSize(c, 1024)
			if _, err := http.ReadResponse(r, nil); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
			_, _ = c.Write(frame(0x81, `{"type":"subscribe","users":`+ids(users...)+`}`))
			go benchRead(c, r, ready.Done, &latencies)
		}()
	}
	ready.Wait()
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	fmt.Println(latencies.String())
	return nil
}

// benchRead discards frames, answers pings, and notes how old the states of deltas are.
func benchRead(c net.Conn, r *bufio.Reader, ready func(), latencies *samples) {
	started := false
	var payload, inflated []byte
	for {
		var head [10]byte
		if _, err := io.ReadFull(r, head[:2]); err != nil {
			return
		}
		size := int(head[1])
		switch size {
		case 126:
			_, _ = io.ReadFull(r, head[2:4])
			size = int(binary.BigEndian.Uint16(head[2:]))
		case 127:
			_, _ = io.ReadFull(r, head[2:10])
			size = int(binary.BigEndian.Uint64(head[2:]))
		}
		payload = slices.Grow(payload[:0], size)[:size]
		if _, err := io.ReadFull(r, payload); err != nil {
			return
		}
		latencies.bytes.Add(int64(size))
		text := payload
		if head[0]&0x40 != 0 {
			inflated = inflateInto(inflated[:0], payload)
			text = inflated
		}
		switch {
		case head[0]&0xf == 9:
			_, _ = c.Write(frame(0x8a, ""))
		case !started && bytes.HasPrefix(text, []byte(`{"type":"snapshot"`)) && !bytes.HasSuffix(text, []byte(`"more":true}`)):
			started = true
			ready()
		case bytes.HasPrefix(text, []byte(`{"type":"delta"`)):
			latencies.observe(text)
		}
	}
}

var inflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}

// inflateInto appends a compressed message as it was.
func inflateInto(dst, payload []byte) []byte {
	z := inflaters.Get().(io.Reader)
	defer inflaters.Put(z)
	_ = z.(flate.Resetter).Reset(io.MultiReader(bytes.NewReader(payload), strings.NewReader(deflateEnd)), nil)
	b := bytes.NewBuffer(dst)
	_, _ = b.ReadFrom(z)
	return b.Bytes()
}

// benchEvents asks for a stream of events, discards them, and notes how old the states of deltas are.
func benchEvents(c net.Conn, query string, ready func(), latencies *samples) {
	fmt.Fprintf(c, "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(query), query)
	response, err := http.ReadResponse(bufio.NewReaderSize(c, 1024), nil)
	if err != nil || response.StatusCode != http.StatusOK {
		fmt.Println(err, response)
		os.Exit(1)
	}
	started := false
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		data, found := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
		switch {
		case !found:
		case !started && bytes.HasPrefix(data, []byte(`{"type":"snapshot"`)) && !bytes.HasSuffix(data, []byte(`"more":true}`)):
			started = true
			ready()
		case bytes.HasPrefix(data, []byte(`{"type":"delta"`)):
			latencies.observe(data)
		}
	}
}

// samples is what the clients of a benchmark saw.
type samples struct {
	mu     sync.Mutex
	ages   []time.Duration
	states atomic.Int64
	bytes  atomic.Int64 // of frames' payloads
}

var observedKey, idKey = []byte(`"observedAt":"`), []byte(`"id":"`)

func (s *samples) observe(delta []byte) {
	now := time.Now()
	s.states.Add(int64(bytes.Count(delta, idKey)))
	_, rest, _ := bytes.Cut(delta, observedKey)
	at, err := time.Parse(time.RFC3339, string(rest[:24]))
	if err != nil {
		return
	}
	s.mu.Lock()
	s.ages = append(s.ages, now.Sub(at))
	s.mu.Unlock()
}

func (s *samples) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.ages)
	at := func(q float64) float64 {
		if len(s.ages) == 0 {
			return 0
		}
		return float64(s.ages[int(q*float64(len(s.ages)-1))].Microseconds()) / 1000
	}
	return fmt.Sprintf("%d %d %.2f %.2f %d", s.states.Load(), len(s.ages), at(.5), at(.99), s.bytes.Load())
}

// swarm is the process of clients.
type swarm struct {
	command *exec.Cmd
	input   io.WriteCloser
	output  *bufio.Reader
	bytes   int // that they got, once they have ended
}

func (w *world) swarm(b *testing.B, clients, each, all int) *swarm {
	return w.swarmBy(b, "websocket", clients, each, all)
}

func (w *world) swarmBy(b *testing.B, kind string, clients, each, all int) *swarm {
	s := &swarm{command: exec.Command(os.Args[0], "-test.run=^$")}
	s.command.Env = append(os.Environ(), fmt.Sprintf("GATEWAY_BENCH_CLIENTS=%s %d %d %d %s", w.addr, clients, each, all, kind))
	s.command.Stderr = os.Stderr
	s.input, _ = s.command.StdinPipe()
	out, _ := s.command.StdoutPipe()
	s.output = bufio.NewReader(out)
	if err := s.command.Start(); err != nil {
		b.Fatal(err)
	}
	if line, err := s.output.ReadString('\n'); strings.TrimSpace(line) != "ready" {
		b.Fatalf("clients: %q %v", line, err)
	}
	return s
}

// end ends the clients and returns the states and frames they got, and p50 and p99 of their ages in ms.
func (s *swarm) end(b *testing.B) (states, frames int, p50, p99 float64) {
	s.input.Close()
	line, _ := s.output.ReadString('\n')
	if _, err := fmt.Sscan(line, &states, &frames, &p50, &p99, &s.bytes); err != nil {
		b.Fatalf("clients: %q %v", line, err)
	}
	_ = s.command.Wait()
	return states, frames, p50, p99
}

func processorTime() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func resident() int64 {
	text, _ := os.ReadFile("/proc/self/statm")
	pages, _ := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// BenchmarkDeliver changes users at a rate and reports what a delivery costs, and how old states are when a client
// in another process has them: observe, frame, socket, loopback, client.
func BenchmarkDeliver(b *testing.B) {
	for _, row := range []struct {
		name                     string
		clients, each, all, rate int
	}{
		{"selective 1000x100 of 10000, 100 changes/s", 1000, 100, 10_000, 100},
		{"selective 1000x100 of 10000, 2000 changes/s", 1000, 100, 10_000, 2000},
		{"common 1000x100 of 100, 8 changes/s", 1000, 100, 100, 8},
		{"common 1000x100 of 100, 200 changes/s", 1000, 100, 100, 200},
	} {
		for _, kind := range []string{"websocket", "compressed", "events"} {
			b.Run(kind+" "+row.name, func(b *testing.B) {
				w := newWorld(b, row.all, gateway.Options{Flush: 25 * time.Millisecond, Compression: true, Limits: gateway.Limits{Connections: 20_000}})
				w.setAll("Busy", upTo(row.all)...)
				s := w.swarmBy(b, kind, row.clients, row.each, row.all)
				time.Sleep(time.Second)
				before := processorTime()
				start := time.Now()
				period := max(time.Second/time.Duration(row.rate), 5*time.Millisecond)
				ticker := time.NewTicker(period)
				for i := 0; time.Since(start) < 5*time.Second; {
					<-ticker.C
					for range row.rate * int(period) / int(time.Second) {
						w.set(i*37%row.all, []string{"Away", "Busy", "Available"}[i/row.all%3])
						i++
					}
				}
				ticker.Stop()
				time.Sleep(200 * time.Millisecond)
				spent := processorTime() - before
				states, frames, p50, p99 := s.end(b)
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(spent.Seconds()/float64(states)*1e6, "cpu-s/M-states")
				b.ReportMetric(spent.Seconds()/float64(frames)*1e6, "cpu-s/M-frames")
				b.ReportMetric(float64(states)/5, "states/s")
				if kind != "events" {
					b.ReportMetric(float64(s.bytes)/float64(states), "B/state") // snapshots included
				}
				b.ReportMetric(p50, "p50-ms")
				b.ReportMetric(p99, "p99-ms")
			})
		}
	}
}

// BenchmarkIdleMemory reports what an idle connection that watches 50 users costs.
func BenchmarkIdleMemory(b *testing.B) {
	const clients, each, all = 5000, 50, 20_000
	w := newWorld(b, all, gateway.Options{})
	w.setAll("Busy", upTo(all)...)
	runtime.GC()
	before, objects := resident(), heap()
	s := w.swarm(b, clients, each, all)
	time.Sleep(time.Second)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(resident()-before)/clients, "RSS-B/conn")
	b.ReportMetric(float64(heap()-objects)/clients, "heap-B/conn")
	debug.FreeOSMemory()
	b.ReportMetric(float64(resident()-before)/clients, "RSS-after-GC-B/conn")
	s.end(b)
}
