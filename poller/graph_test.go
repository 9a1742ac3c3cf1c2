package poller_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller"
	"github.com/presence-gateway/presence-gateway/poller/budget"
	"github.com/presence-gateway/presence-gateway/poller/graph"
)

// TestFromGraphToHub runs the real client against a real server, and the real hub behind.
func TestFromGraphToHub(t *testing.T) {
	var mode atomic.Int64 // the status of answers
	mode.Store(http.StatusOK)
	var requests atomic.Int64
	throttled, once := make(chan struct{}), sync.Once{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		var question struct{ IDs []string }
		if err := json.NewDecoder(r.Body).Decode(&question); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		if code := int(mode.Load()); code != http.StatusOK {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(code)
			defer once.Do(func() { close(throttled) })
			w.Write([]byte(`{"error":{"code":"TooManyRequests","message":"later"}}`))
			return
		}
		type row struct {
			ID             string `json:"id"`
			Availability   string `json:"availability"`
			Activity       string `json:"activity"`
			SequenceNumber string `json:"sequenceNumber"`
		}
		var answer struct {
			Value []row `json:"value"`
		}
		for _, id := range question.IDs {
			answer.Value = append(answer.Value, row{id, "Busy", "InACall", "A1"})
		}
		json.NewEncoder(w).Encode(answer)
	}))
	defer server.Close()

	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	credential := graph.TokenFile(token, graph.TokenFileOptions{})
	client, err := graph.New(credential, graph.Options{BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	// The usual pace, in a window that all of the test falls in, however slow the machine.
	spending, err := budget.Open(budget.Options{Dir: t.TempDir(), Requests: 30000, Window: 10 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	table := hub.New(hub.Options{})
	p, err := poller.New(client, table, poller.Options{
		Budget: spending, Interval: 50 * time.Millisecond, Credential: credential,
		Watch: poller.Watch{Users: users(0, 1000), Members: client.Members},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()

	confirmed := func(since time.Time) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		if err := table.Await(ctx, users(0, 1000), since); err != nil {
			t.Fatal(err)
		}
	}
	confirmed(time.Now())
	item := table.Get(nil, user(3))[0]
	if item.Content == nil || item.Content.Facts().Availability != "Busy" || item.Version.Sequence != "A1" {
		t.Errorf("held: %+v", item)
	}
	mode.Store(http.StatusTooManyRequests)
	<-throttled
	mode.Store(http.StatusOK)
	confirmed(time.Now())
	live(t, table) // on a slow machine an outage may have been announced meanwhile
	if table.Directory().Watched(presence.ID{}) || !table.Directory().Watched(user(0)) {
		t.Error("the directory is not who is configured")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	// Those that were cancelled at the end may not have reached it.
	if spent, got := int64(spending.Usage().Spent), requests.Load(); spent < got || spent > got+2 {
		t.Errorf("%d reads spent, %d reached Graph", spent, got)
	}
	if err := spending.Close(); err != nil {
		t.Error(err)
	}
}

// live waits until reads are said to succeed.
func live(t *testing.T, table *hub.Hub) {
	t.Helper()
	limit := time.After(2 * time.Minute)
	for {
		changed := table.Changed()
		if table.Status().Live() {
			return
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("status: %v", table.Status())
		}
	}
}
