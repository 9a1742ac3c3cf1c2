package gateway_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Until the hub knows who is watched, nobody is told that somebody is not: callers wait, and are sent away for a moment
// if that takes long.
func TestNobodyIsRefusedBeforeTheRosterIsKnown(t *testing.T) {
	h := hub.New(hub.Options{})
	server, err := gateway.New(h, gateway.Options{Anonymous: true, Policy: everyone, ReadWait: 50 * time.Millisecond, Drain: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = server.Run(ctx) })
	defer running.Wait()
	defer stop()
	get := func(handler http.Handler, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "http://127.0.0.1"+path, nil))
		return w
	}
	path := "/v1/presences?users=" + user(0).String()
	if w := get(server.Handler(), path); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "1" {
		t.Errorf("before: %d %s", w.Code, w.Body)
	}
	if w := get(server.Handler(), "/v1/settings"); w.Code != http.StatusOK {
		t.Errorf("settings need no roster: %d", w.Code)
	}
	if w := get(server.Admin(), "/readyz"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("ready before: %d %s", w.Code, w.Body)
	}
	h.Describe(presence.NewDirectory([]presence.ID{user(0)}, nil, nil))
	eventually(t, "answers", func() bool { return get(server.Handler(), path).Code == http.StatusOK })
}
