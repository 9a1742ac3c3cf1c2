package gateway_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/auth"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// What a slow reader is still owed when rights are narrowed is judged by the new ones.
func TestNothingOwedAfterNarrowing(t *testing.T) {
	const many = wire.MaxUsers
	w := newWorld(t, many, gateway.Options{Heartbeat: time.Minute, Stall: time.Minute})
	w.setAll("Busy", upTo(many)...)
	x := w.rawBuffered(4 << 10)
	x.write(frame(0x81, `{"type":"subscribe","id":1,"users":`+ids(upTo(many)...)+`}`))
	eventually(t, "subscribed", func() bool { return w.hub.Watchers(user(many-1)) == 1 })
	w.server.Govern([]gateway.Rule{{Who: gateway.Who{Anonymous: true}, Allow: gateway.Allow{Users: []presence.ID{user(0)}}, Fields: presence.OutOfOffice}}, "")
	got := 0
	for dropped := 0; dropped < many-1; {
		m := x.message()
		if m.Type == wire.Snapshot {
			got += len(m.Presences)
		}
		dropped += len(m.Users)
	}
	t.Logf("%d states were under way", got)
	if got > many/2 {
		t.Errorf("%d states, most of them sent when they were no longer to be seen", got)
	}
}

// A request under way keeps the rights of whoever sent it, whatever others get meanwhile who had the same before.
func TestRightsOfRequestsUnderWay(t *testing.T) {
	d := newDoor(map[string]auth.Principal{"a": {Subject: "key:a", Key: "a"}, "b": {Subject: "key:b", Key: "b"}})
	rule := func(key string, fields presence.Fields) gateway.Rule {
		return gateway.Rule{Who: gateway.Who{Keys: []string{key}}, Allow: gateway.Allow{All: true}, Fields: fields}
	}
	w := newWorld(t, 1, gateway.Options{Door: d, ReadWait: 10 * time.Second, Policy: []gateway.Rule{rule("a", 0), rule("b", 0)}})
	w.dial(as("a"))
	answered := make(chan string)
	go func() {
		answered <- w.call("GET", "/v1/presences/"+user(0).String(), "", "Authorization", "Bearer b").body
	}()
	eventually(t, "the request waits", func() bool { return w.hub.Watchers(user(0)) == 1 })
	w.server.Govern([]gateway.Rule{rule("a", presence.OutOfOffice), rule("b", 0)}, "")
	w.set(0, "Busy")
	if body := <-answered; !strings.Contains(body, "Busy") || strings.Contains(body, "isOutOfOffice") {
		t.Errorf("got %s", body)
	}
}

// Made-up ids count for whoever asks, not for all behind one address.
func TestMadeUpIdsBySubject(t *testing.T) {
	const wait = 200 * time.Millisecond
	d := newDoor(map[string]auth.Principal{"a": {Subject: "key:a", Key: "a"}, "b": {Subject: "key:b", Key: "b"}})
	w := newWorld(t, 1, gateway.Options{Door: d, Policy: signedIn, OnDemand: true, ReadWait: wait, Limits: gateway.Limits{UnknownUsers: 3, MessagesPerSecond: 1000}})
	a, b := w.dial(as("a")), w.dial(as("b"))
	a.subscribe(1001, 1002, 1003, 1004)
	for i := 1001; i <= 1004; i++ {
		w.lose(i)
	}
	a = w.dial(as("a"))
	next := 2000
	eventually(t, "further ids of the one are not read", func() bool {
		next++
		a.subscribe(next)
		return w.hub.Watchers(user(next)) == 0
	})
	b.subscribe(3000)
	if w.hub.Watchers(user(3000)) != 1 {
		t.Error("the other's are not read either")
	}
	waits := func(key string, id int) bool {
		start := time.Now()
		if answer := w.call("GET", "/v1/presences/"+user(id).String(), "", "Authorization", "Bearer "+key); answer.status != http.StatusServiceUnavailable {
			t.Errorf("%d %s", answer.status, answer.body)
		}
		return time.Since(start) >= wait
	}
	if waits("a", 4000) {
		t.Error("over HTTP the one's are read")
	}
	if !waits("b", 4001) {
		t.Error("over HTTP the other's are not")
	}
}
