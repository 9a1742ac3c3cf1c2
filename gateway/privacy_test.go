package gateway_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/auth"
	"github.com/presence-gateway/presence-gateway/gateway/describe/describetest"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// instants is what differs between two answers whoever is asked for.
var instants = regexp.MustCompile(`"(at|oldest|observedAt)":"[^"]*"|"connection":"[^"]*"|(?m)^(Date|id|X-[A-Za-z-]*|[Rr]equest-[Ii]d): .*$|"(request-id|date|client-request-id)":"[^"]*"`)

// probe asks for a user in every way there is, and returns all answers, in which the user's id and what names times are
// replaced.
func (w *world) probe(id presence.ID, mail, key string) map[string]string {
	w.t.Helper()
	answers := map[string]string{}
	note := func(name, text string) {
		text = strings.ReplaceAll(text, id.String(), "<user>")
		text = strings.ReplaceAll(text, mail, "<mail>")
		answers[name] = instants.ReplaceAllString(text, "<>")
	}
	header := http.Header{"Authorization": {"Bearer " + key}}
	for _, call := range []struct{ method, path, body string }{
		{"GET", "/v1/presences/" + id.String(), ""},
		{"GET", "/v1/presences?users=" + id.String(), ""},
		{"GET", "/v1/presences?users=" + mail, ""},
		{"GET", "/v1/presences?groups=" + id.String(), ""},
		{"GET", "/v1/presences/" + id.String() + "?maxAge=1h", ""},
		{"POST", "/v1/presences/query", `{"users":["` + id.String() + `","` + mail + `"],"groups":["` + id.String() + `"]}`},
		{"GET", "/v1/directory?search=" + strings.Split(mail, "@")[0], ""},
		{"GET", "/v1/directory?groups=" + id.String(), ""},
		{"GET", "/v1/stats", ""},
		{"GET", "/graph/v1.0/users/" + id.String() + "/presence", ""},
		{"POST", "/graph/v1.0/communications/getPresencesByUserId", `{"ids":["` + id.String() + `"]}`},
	} {
		r, _ := http.NewRequest(call.method, w.url("http", call.path), strings.NewReader(call.body))
		r.Header = header.Clone()
		r.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			w.t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		describetest.Answer(w.t, call.method, call.path, response.StatusCode, response.Header, body)
		var lines []string
		for _, name := range slices.Sorted(maps.Keys(response.Header)) {
			if name != "Age" && name != "Client-Request-Id" {
				lines = append(lines, name+": "+strings.Join(response.Header[name], ","))
			}
		}
		name := strings.ReplaceAll(strings.ReplaceAll(call.path, id.String(), "<user>"), mail, "<mail>")
		name = strings.ReplaceAll(name, strings.Split(mail, "@")[0], "<name>")
		note(call.method+" "+name+call.body[:min(8, len(call.body))], response.Status+"\n"+strings.Join(lines, "\n")+"\n"+string(body))
	}
	c := w.dial(as(key))
	for _, text := range []string{
		`{"type":"subscribe","id":1,"users":["` + id.String() + `"]}`,
		`{"type":"subscribe","id":2,"users":["` + mail + `"]}`,
		`{"type":"subscribe","id":3,"groups":["` + id.String() + `"]}`,
		`{"type":"subscribe","id":4,"users":["` + id.String() + `"],"known":{"` + id.String() + `":"00000001.A1"}}`,
		`{"type":"ping","id":5,"users":["` + id.String() + `"]}`,
		`{"type":"unsubscribe","id":6,"users":["` + id.String() + `","` + mail + `"],"groups":["` + id.String() + `"]}`,
		`{"type":"ping","id":7}`,
	} {
		c.send(text)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		_, answer, err := c.ws.Read(ctx)
		for err == nil && strings.HasPrefix(string(answer), `{"type":"heartbeat"`) { // which comes when it comes
			_, answer, err = c.ws.Read(ctx)
		}
		cancel()
		if err != nil {
			w.t.Fatal(err)
		}
		note(strings.ReplaceAll(strings.ReplaceAll(text, id.String(), "<user>"), mail, "<mail>"), string(answer))
	}
	_ = c.ws.Close(websocket.StatusNormalClosure, "")
	return answers
}

// hiding is a world in which user 0 may be seen, 1 exists and may not, 2 is unknown to Graph, 3 opted out, and nobody
// else exists.
func hiding(t testing.TB, onDemand bool) *world {
	d := newDoor(map[string]auth.Principal{"few": {Subject: "key:few", Key: "few"}, "all": {Subject: "key:all", Key: "all"}})
	w := newWorld(t, 0, gateway.Options{Door: d, OnDemand: onDemand, Limits: gateway.Limits{MessagesPerSecond: 100_000}, Policy: []gateway.Rule{
		{Who: gateway.Who{Keys: []string{"few"}}, Allow: gateway.Allow{Users: []presence.ID{user(0)}}},
		{Who: gateway.Who{Keys: []string{"all"}}, Allow: gateway.Allow{All: true}, Fields: presence.OutOfOffice}}})
	var people []presence.Person
	for i := range 3 {
		people = append(people, presence.Person{ID: user(i), DisplayName: "Anna", Mail: fmt.Sprintf("person%d@example.com", i)})
	}
	people[2] = presence.Person{ID: user(2)} // whom Graph does not know has no name
	w.hub.Describe(presence.NewDirectory([]presence.ID{user(0), user(1), user(2)}, people,
		[]presence.Group{{ID: user(1000), DisplayName: "Team", Members: []presence.ID{user(1)}, Hidden: []presence.ID{user(3)}}}).Hide([]presence.ID{user(3)}))
	w.setAll("Busy", 0, 1)
	w.lose(2)
	w.lose(3)
	eventually(t, "the directory is followed", func() bool { return w.server.Directory() == w.hub.Directory() })
	return w
}

// Of whom the policy denies, no answer tells whether they exist: not of a person, and not of a group.
func TestDeniedOrMadeUp(t *testing.T) {
	for _, onDemand := range []bool{false, true} {
		w := hiding(t, onDemand)
		madeUp := w.probe(user(50), "person5@example.com", "few")
		for name, id := range map[string]presence.ID{"a person": user(1), "a group": user(1000), "one who opted out": user(3)} {
			there := w.probe(id, "person1@example.com", "few")
			for how, answer := range there {
				if answer != madeUp[how] {
					t.Errorf("on demand %v: %s, by %s:\n%s\nmade up:\n%s", onDemand, name, how, answer, madeUp[how])
				}
			}
		}
		if len(madeUp) < 18 {
			t.Errorf("%d ways", len(madeUp))
		}
	}
}

// Of whom the policy allows, those who opted out look as those whom Graph does not know.
func TestOptedOutOrUnknown(t *testing.T) {
	w := hiding(t, false)
	unknown, optedOut := w.probe(user(2), "person2@example.com", "all"), w.probe(user(3), "person3@example.com", "all")
	for how, answer := range optedOut {
		if strings.HasPrefix(how, "GET /v1/directory") { // whoever configured an id finds it there, as one without a name
			continue
		}
		if answer != unknown[how] {
			t.Errorf("by %s:\n%s\nunknown:\n%s", how, answer, unknown[how])
		}
	}
}

// Nor does the time tell: the answers about somebody who is denied take as long as those about nobody.
func TestDeniedTakesNoLonger(t *testing.T) {
	w := hiding(t, true)
	c := w.dial(as("few"))
	took := map[string][]time.Duration{}
	for i := range 300 {
		for name, text := range map[string]string{
			"there": ids(1), "made up": ids(5000 + i), "there by mail": `["person1@example.com"]`, "made up by mail": fmt.Sprintf(`["persoN%d@example.com"]`, i%10+10)} {
			time.Sleep(time.Duration(i%3) * 20 * time.Microsecond) // out of step with what else goes on
			start := time.Now()
			c.send(`{"type":"ping","id":1,"users":[]}`)
			c.want(wire.Pong)
			base := time.Since(start)
			start = time.Now()
			c.send(`{"type":"subscribe","id":1,"users":` + text + `}`)
			c.want(wire.Snapshot)
			took[name] = append(took[name], time.Since(start)-base)
		}
		if i%9 == 0 {
			time.Sleep(10 * time.Millisecond)
		}
	}
	middle := func(name string) time.Duration {
		slices.Sort(took[name])
		return took[name][len(took[name])/2]
	}
	for _, pair := range [][2]string{{"there", "made up"}, {"there by mail", "made up by mail"}} {
		there, madeUp := middle(pair[0]), middle(pair[1])
		t.Logf("beyond a ping: %s %v, %s %v", pair[0], there, pair[1], madeUp)
		if d := there - madeUp; d > 100*time.Microsecond || d < -100*time.Microsecond {
			t.Errorf("%s %v, %s %v", pair[0], there, pair[1], madeUp)
		}
	}
}
