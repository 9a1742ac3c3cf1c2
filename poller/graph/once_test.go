package graph_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/internal/trust"
	"github.com/presence-gateway/presence-gateway/poller/graph"
)

// connectURL starts a server and returns its address.
func connectURL(t testing.TB, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

type connectionKey struct{}

// cutting answers the first request of each connection and cuts it at the second, without a word: what net/http
// takes for an idle connection that timed out, and repeats.
func cutting(t *testing.T, arrived *atomic.Int32) *httptest.Server {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived.Add(1)
		io.Copy(io.Discard, r.Body)
		if r.Context().Value(connectionKey{}).(*atomic.Int32).Add(1) > 1 {
			panic(http.ErrAbortHandler)
		}
		if r.Method == "POST" {
			saying(http.StatusOK, `{"value":[]}`)(w, r)
			return
		}
		saying(http.StatusOK, fixture(t, "single.json"))(w, r)
	}))
	server.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, connectionKey{}, new(atomic.Int32))
	}
	server.Start()
	t.Cleanup(server.Close)
	return server
}

// TestOneRequestPerRead reads over connections that die when they are used again. The first half shows that the
// server does make net/http repeat a request.
func TestOneRequestPerRead(t *testing.T) {
	t.Run("net/http repeats", func(t *testing.T) {
		var arrived atomic.Int32
		server := cutting(t, &arrived)
		for range 2 {
			response, err := server.Client().Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
		if arrived.Load() != 3 {
			t.Errorf("%d requests arrived for 2 made: the server does not provoke what it should", arrived.Load())
		}
	})
	for _, kind := range []graph.Kind{graph.Batch, graph.Users, graph.Communications, graph.Me} {
		t.Run(string(kind), func(t *testing.T) {
			var arrived atomic.Int32
			server := cutting(t, &arrived)
			client, err := graph.New(fixed(token), graph.Options{BaseURL: server.URL, Kind: kind})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(client.CloseIdleConnections)
			failures := 0
			for range 4 {
				if _, err := client.Read(t.Context(), []presence.ID{anna}); err != nil {
					failures++
				}
			}
			if arrived.Load() != 4 || failures != 2 {
				t.Errorf("%d requests arrived for 4 reads, %d failed, want 4 and 2", arrived.Load(), failures)
			}
		})
	}
}

// TestOneRequestPerReadHTTP2 reads from a server that refuses every stream: REFUSED_STREAM says that a request was
// not processed and may be repeated, which net/http does up to six times.
func TestOneRequestPerReadHTTP2(t *testing.T) {
	var arrived atomic.Int32
	refused := make(chan struct{}, 100)
	address, pool := refusing(t, &arrived, refused)
	t.Run("net/http repeats", func(t *testing.T) {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
		defer transport.CloseIdleConnections()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			request, _ := http.NewRequestWithContext(ctx, "GET", address, nil)
			if response, err := transport.RoundTrip(request); err == nil {
				response.Body.Close()
			}
		}()
		<-refused
		<-refused
		cancel()
		<-done
	})
	for _, kind := range []graph.Kind{graph.Batch, graph.Users, graph.Communications, graph.Me} {
		t.Run(string(kind), func(t *testing.T) {
			client, err := graph.New(fixed(token), graph.Options{BaseURL: address, Kind: kind, Trust: trust.Of(pool), Timeout: 5 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(client.CloseIdleConnections)
			arrived.Store(0)
			for range 3 {
				_, err := client.Read(t.Context(), []presence.ID{anna})
				if failure := asError(t, err); failure.Answered {
					t.Errorf("got %+v", failure)
				}
			}
			if arrived.Load() != 3 {
				t.Errorf("%d requests arrived for 3 reads", arrived.Load())
			}
		})
	}
}

// refusing is as much of an HTTP/2 server as it takes to refuse every stream (RFC 9113): it counts HEADERS frames.
func refusing(t *testing.T, arrived *atomic.Int32, refused chan<- struct{}) (address string, pool *x509.CertPool) {
	t.Helper()
	borrowed := httptest.NewTLSServer(nil) // for its certificate
	certificate := borrowed.TLS.Certificates[0]
	pool = x509.NewCertPool()
	pool.AddCert(borrowed.Certificate())
	borrowed.Close()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	done := make(chan struct{})
	t.Cleanup(func() {
		close(done)
		listener.Close()
		running.Wait()
	})
	running.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { refuse(connection, arrived, refused) })
			running.Go(func() {
				<-done
				connection.Close()
			})
		}
	})
	return "https://" + listener.Addr().String(), pool
}

func refuse(connection io.ReadWriter, arrived *atomic.Int32, refused chan<- struct{}) {
	const headers, reset, settings, refusedStream = 1, 3, 4, 7
	frame := func(kind byte, stream uint32, payload ...byte) {
		head := []byte{0, 0, byte(len(payload)), kind, 0}
		connection.Write(append(binary.BigEndian.AppendUint32(head, stream), payload...))
	}
	preface := make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
	if _, err := io.ReadFull(connection, preface); err != nil || !bytes.HasPrefix(preface, []byte("PRI")) {
		return
	}
	frame(settings, 0)
	for {
		head := make([]byte, 9)
		if _, err := io.ReadFull(connection, head); err != nil {
			return
		}
		if _, err := io.CopyN(io.Discard, connection, int64(head[0])<<16|int64(head[1])<<8|int64(head[2])); err != nil {
			return
		}
		if head[3] == headers {
			arrived.Add(1)
			frame(reset, binary.BigEndian.Uint32(head[5:]), 0, 0, 0, refusedStream)
			select {
			case refused <- struct{}{}:
			default:
			}
		}
	}
}

// TestHTTP2 reads over TLS, with the protocol and the connection that a real tenant gives.
func TestHTTP2(t *testing.T) {
	connections := make(map[string]bool)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("protocol %s", r.Proto)
		}
		connections[r.RemoteAddr] = true
		if body, err := io.ReadAll(r.Body); err != nil || (r.Method == "GET" && len(body) > 0) {
			t.Errorf("%s with %d bytes, %v", r.Method, len(body), err)
		}
		if len(connections) == 1 {
			saying(http.StatusOK, fixture(t, "single.json"))(w, r)
			return
		}
		saying(http.StatusOK, fixture(t, "wrapped.json"))(w, r)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	client, err := graph.New(fixed(token), graph.Options{BaseURL: server.URL, Kind: graph.Users, Trust: trust.Of(pool)})
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	for range 3 {
		if _, err := client.Read(t.Context(), []presence.ID{anna}); err != nil {
			t.Fatal(err)
		}
	}
	if len(connections) != 1 {
		t.Errorf("%d connections for 3 reads", len(connections))
	}
	stranger, err := graph.New(fixed(token), graph.Options{BaseURL: server.URL, Kind: graph.Users})
	if err != nil {
		t.Fatal(err)
	}
	_, err = stranger.Read(t.Context(), []presence.ID{anna})
	if failure := asError(t, err); failure.Answered {
		t.Errorf("a certificate nobody vouches for: got %v", failure)
	}
}

// TestNewConnectionAfter503 is Graph's advice: what refused may be one front end.
func TestNewConnectionAfter503(t *testing.T) {
	var seen []string
	client := connect(t, graph.Options{}, func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.RemoteAddr)
		status := http.StatusOK
		if len(seen) == 2 {
			status = http.StatusServiceUnavailable
		}
		saying(status, `{"value":[]}`)(w, r)
	})
	for i := range 3 {
		if _, err := client.Read(t.Context(), []presence.ID{anna}); (err != nil) != (i == 1) {
			t.Fatal(err)
		}
	}
	if seen[0] != seen[1] || seen[1] == seen[2] {
		t.Errorf("connections %v, want the third request alone on a new one", seen)
	}
}
