package gateway_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/describe/describetest"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

func TestAdmin(t *testing.T) {
	w := newWorld(t, 2, gateway.Options{Version: "1.2.3", Explain: func(presence.ID) any { return map[string]string{"rule": "watch.users"} }})
	get := func(path string) (int, string) {
		r := httptest.NewRecorder()
		w.server.Admin().ServeHTTP(r, httptest.NewRequest("GET", path, nil))
		describetest.Answer(t, "GET", path, r.Code, r.Header(), r.Body.Bytes())
		return r.Code, r.Body.String()
	}
	w.set(0, "DoNotDisturb")
	c := w.dial()
	c.subscribe(0, 1)
	w.set(0, "Busy")
	c.want(wire.Delta)
	var text string
	eventually(t, "what was sent is counted", func() bool { // just after it was
		_, text = get("/metrics")
		return strings.Contains(text, "presence_states_sent_total 2")
	})
	for _, name := range []string{"presence_connections 1", "presence_states_sent_total 2", "presence_states_conflated_total", `presence_build_info{goversion="go`,
		"presence_read_to_send_seconds_count 1", "presence_age_seconds_count"} {
		if !strings.Contains(text, name) {
			t.Errorf("metrics lack %s", name)
		}
	}
	if strings.Contains(text, user(0).String()) {
		t.Error("a metric names a person")
	}
	code, text := get("/debug/users/" + user(0).String())
	if code != 200 || !strings.Contains(text, `"subscribers":1`) || !strings.Contains(text, `"rule":"watch.users"`) || !strings.Contains(text, `"version"`) {
		t.Errorf("debug: %d %s", code, text)
	}
	for _, state := range []string{"Busy", "DoNotDisturb"} {
		if strings.Contains(text, state) {
			t.Errorf("debug tells the state: %s", text)
		}
	}
	if code, _ := get("/debug/users/x"); code != 400 {
		t.Errorf("debug of no id: %d", code)
	}
	if code, _ := get("/nothing"); code != 404 {
		t.Errorf("nothing: %d", code)
	}
	for _, path := range []string{"/livez", "/healthz", "/readyz"} {
		if code, _ := get(path); code != 200 {
			t.Errorf("%s: %d", path, code)
		}
	}
	w.hub.Report(presence.Status{Reason: presence.NoPoller, Since: time.Now()})
	if code, text := get("/readyz"); code != 200 || !strings.Contains(text, "no_poller") {
		t.Errorf("an outage later: %d %s", code, text)
	}
	if code, text := get("/readyz"); code != 200 || !strings.Contains(text, "degraded") {
		t.Errorf("readyz: %d %s", code, text)
	}
}
