package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// A gateway that has just begun knows people before their names, or nobody: it is asked again until it has some, and not
// for ever.
func TestNamesAreAskedForUntilThereAreSome(t *testing.T) {
	var asked atomic.Int32
	whole := int32(4)
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		switch n := asked.Add(1); {
		case n >= whole:
			fmt.Fprint(w, `{"people":[{"id":"a","displayName":"Anna"}],"groups":[]}`)
		case n == 1:
			http.Error(w, "not yet", http.StatusServiceUnavailable)
		case n == 2:
			fmt.Fprint(w, `{"people":[],"groups":[]}`)
		default:
			fmt.Fprint(w, `{"people":[{"id":"a"}],"groups":[]}`)
		}
	}))
	defer gateway.Close()
	n := newNames(gateway.URL, "")
	n.again = time.Millisecond
	found := n.follow(t.Context())
	n.ask()
	var people map[string]named
	for last := time.After(10 * time.Second); people["a"].DisplayName == ""; {
		select {
		case people = <-found:
		case <-last:
			t.Fatalf("no names after %d answers", asked.Load())
		}
	}
	if people["a"].DisplayName != "Anna" || asked.Load() != whole {
		t.Errorf("after %d answers: %v", asked.Load(), people)
	}

	asked.Store(0)
	whole = 1 << 20
	never := newNames(gateway.URL, "")
	never.again = time.Millisecond
	nothing := never.follow(t.Context())
	go func() {
		for {
			select {
			case <-nothing:
			case <-t.Context().Done():
				return
			}
		}
	}()
	never.ask()
	for deadline := time.Now().Add(10 * time.Second); asked.Load() < namesTries && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(200 * time.Millisecond) // many times as long as until the next try
	if got := asked.Load(); got != namesTries {
		t.Errorf("asked %d times, want %d", got, namesTries)
	}
}
