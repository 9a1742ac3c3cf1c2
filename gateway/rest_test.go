package gateway_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/describe/describetest"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

type answer struct {
	status int
	header http.Header
	body   string
	list   wire.Message
}

func (w *world) call(method, path, body string, header ...string) answer {
	w.t.Helper()
	r, err := http.NewRequest(method, w.url("http", path), strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	describetest.Answer(w.t, method, path, response.StatusCode, response.Header, text)
	a := answer{status: response.StatusCode, header: response.Header, body: string(text)}
	kind := response.Header.Get("Content-Type")
	switch {
	case a.status >= 400:
		var p struct {
			Type, Title, Detail string
			Status              int
		}
		if err := json.Unmarshal(text, &p); kind != "application/problem+json" || (err != nil && method != "HEAD") || (p.Status != a.status && method != "HEAD") {
			w.t.Errorf("%s %s: %d as %s: %s", method, path, a.status, kind, text)
		}
	case strings.HasPrefix(a.body, `{"presences"`):
		if err := json.Unmarshal(text, &a.list); err != nil {
			w.t.Errorf("%s %s: %v in %s", method, path, err, text)
		}
	}
	return a
}

func TestOnePresence(t *testing.T) {
	w := newWorld(t, 4, gateway.Options{ReadWait: 50 * time.Millisecond})
	w.set(0, "Busy")
	w.lose(1)
	path := "/v1/presences/" + user(0).String()
	a := w.call("GET", path, "")
	var p wire.Presence
	if err := json.Unmarshal([]byte(a.body), &p); err != nil || a.status != 200 || p.ID != user(0) || p.Availability != "Busy" {
		t.Fatalf("%+v", a)
	}
	tag := a.header.Get("ETag")
	if tag != `W/"`+p.Version+`"` || a.header.Get("Age") != "0" || a.header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("header %v", a.header)
	}
	for _, match := range []string{tag, `"x", ` + tag, "*", tag[2:]} {
		if a := w.call("GET", path, "", "If-None-Match", match); a.status != 304 || a.body != "" || a.header.Get("ETag") != tag {
			t.Errorf("If-None-Match %s: %+v", match, a)
		}
	}
	if a := w.call("HEAD", path, ""); a.status != 200 || a.body != "" {
		t.Errorf("HEAD: %+v", a)
	}
	w.set(0, "Away")
	if a := w.call("GET", path, "", "If-None-Match", tag); a.status != 200 {
		t.Errorf("changed: %+v", a)
	}
	gone, stranger := w.call("GET", "/v1/presences/"+user(1).String(), ""), w.call("GET", "/v1/presences/"+user(99).String(), "")
	if gone.status != 404 || gone.body != stranger.body {
		t.Errorf("unknown %+v and denied %+v differ", gone, stranger)
	}
	if a := w.call("GET", "/v1/presences/"+user(2).String(), ""); a.status != 503 || a.header.Get("Retry-After") == "" {
		t.Errorf("not read yet: %+v", a)
	}
	if a := w.call("GET", path+"?maxAge=1ns", ""); a.status != 503 {
		t.Errorf("too old: %+v", a)
	}
	if a := w.call("GET", path+"?maxAge=1h", ""); a.status != 200 {
		t.Errorf("fresh enough: %+v", a)
	}
}

// A read waits for the poller, and is interest.
func TestReadWaits(t *testing.T) {
	w := newWorld(t, 0, gateway.Options{ReadWait: 5 * time.Second, OnDemand: true})
	answered := make(chan answer)
	go func() { answered <- w.call("GET", "/v1/presences/"+user(7).String(), "") }()
	eventually(t, "the read is interest", func() bool { return w.hub.Watchers(user(7)) == 1 })
	w.set(7, "Busy")
	if a := <-answered; a.status != 200 || !strings.Contains(a.body, "Busy") {
		t.Errorf("got %+v", a)
	}
	go func() { answered <- w.call("GET", "/v1/presences?maxAge=1ms&users="+user(7).String(), "") }()
	eventually(t, "the read is interest", func() bool { return w.hub.Watchers(user(7)) == 1 })
	time.Sleep(5 * time.Millisecond) // for the state to be older than maxAge
	w.set(7, "Away")
	if a := <-answered; len(a.list.Presences) != 1 || a.list.Presences[0].Availability != "Away" {
		t.Errorf("got %+v", a)
	}
}

func TestLists(t *testing.T) {
	team := user(1000)
	w := newWorld(t, 0, gateway.Options{})
	w.set(0, "Busy")
	w.lose(1)
	w.describe(4, presence.Group{ID: team, DisplayName: "Team", Members: []presence.ID{user(0), user(3)}})
	eventually(t, "the directory is known", func() bool {
		return len(w.call("GET", "/v1/presences?users="+user(0).String(), "").list.Presences) == 1
	})
	check := func(a answer) {
		t.Helper()
		l := a.list
		if a.status != 200 || len(l.Presences) != 1 || len(l.Pending) != 2 || len(l.Gone) != 1 || len(l.Denied) != 1 || len(l.Invalid) != 1 ||
			len(l.Members[team]) != 2 || l.Resolved["person2@example.com"] != user(2) {
			t.Errorf("got %d %s", a.status, a.body)
		}
	}
	names := []string{user(0).String(), user(1).String(), user(99).String(), "nobody", "person2@example.com"}
	check(w.call("GET", "/v1/presences?users="+strings.Join(names, ",")+"&groups="+team.String(), ""))
	check(w.call("POST", "/v1/presences/query", `{"users":["`+strings.Join(names, `","`)+`"],"groups":["`+team.String()+`"]}`))
}

func TestBadRequests(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{Limits: gateway.Limits{MessageBytes: 10_000}})
	id := user(0).String()
	for _, row := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"GET", "/v1", "", 404, ""},
		{"GET", "/v1/", "", 404, ""},
		{"GET", "/v1/nothing", "", 404, ""},
		{"GET", "/nothing", "", 404, ""},
		{"GET", "/v1/presences/", "", 404, ""},
		{"GET", "/v1/presences/x", "", 400, "user id"},
		{"GET", "/v1/presences/" + id + "/x", "", 404, ""},
		{"GET", "/v1/presences/" + id[:35] + "%00", "", 400, "user id"},
		{"GET", "/v1/presences/..%2f..%2fetc%2fpasswd", "", 404, ""},
		{"GET", "/v1/../v1/settings/../../etc/passwd", "", 404, ""},
		{"GET", "/v1//settings", "", 404, ""},
		{"GET", "/v1/presences", "", 400, "users: missing"},
		{"GET", "/v1/presences?users=*", "", 400, "streams"},
		{"GET", "/v1/presences/" + id + "?maxAge=soon", "", 400, "maxAge"},
		{"GET", "/v1/presences/" + id + "?maxAge=-1s", "", 400, "maxAge"},
		{"GET", "/v1/presences/" + id + "?token=x", "", 400, "never in the URL"},
		{"GET", "/v1/directory?next=!", "", 400, "next"},
		{"GET", "/v1/directory?next=AAAA", "", 400, "next"},
		{"POST", "/v1/presences/query", "", 400, "empty"},
		{"POST", "/v1/presences/query", "{", 400, "at byte 1"},
		{"POST", "/v1/presences/query", `{"users":7}`, 400, "users: want a list at byte 9"},
		{"POST", "/v1/presences/query", `{"users":"*"}`, 400, "streams"},
		{"POST", "/v1/presences/query", "{\"users\":[\"\xff\"]}", 400, "UTF-8"},
		{"POST", "/v1/presences/query", `{"users":[` + strings.Repeat(`"x",`, 2400) + `"x"]}`, 200, ""},
		{"POST", "/v1/presences/query", strings.Repeat(" ", 20_000), 413, "10000 bytes"},
		{"DELETE", "/v1/presences/" + id, "", 405, "GET, HEAD, OPTIONS"},
		{"GET", "/v1/presences/query", "", 405, ""},
		{"POST", "/v1/settings", "", 405, ""},
		{"BREW", "/v1/settings", "", 405, ""},
	} {
		if row.path == "/v1/presences/query" && row.method == "GET" {
			row.says = "POST"
		}
		a := w.call(row.method, row.path, row.body)
		if a.status != row.status || !strings.Contains(a.body, row.says) {
			t.Errorf("%s %s %.40s: got %d %s, want %d saying %q", row.method, row.path, row.body, a.status, a.body, row.status, row.says)
		}
	}
	if a := w.call("GET", "/v1/presences/"+id, "", "Authorization", "Bearer canary"); a.status != 401 || strings.Contains(a.body, "canary") {
		t.Errorf("a token: %+v", a)
	}
	if a := w.call("OPTIONS", "/v1/presences/query", "", "Origin", w.url("http", "")); a.status != 204 ||
		a.header.Get("Access-Control-Allow-Methods") != "OPTIONS, POST" || a.header.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("preflight: %+v", a)
	}
}

func TestDirectoryAndSettings(t *testing.T) {
	const people = 1234
	team, hidden := user(5000), user(5001)
	rule := gateway.Rule{Who: gateway.Who{Anonymous: true}, Allow: gateway.Allow{Groups: []presence.ID{team}}}
	w := newWorld(t, 0, gateway.Options{Version: "1.2.3", Policy: []gateway.Rule{rule}})
	var members []presence.ID
	for _, i := range upTo(people) {
		members = append(members, user(i))
	}
	w.describe(people+10, presence.Group{ID: team, DisplayName: "Team", Members: members}, presence.Group{ID: hidden, DisplayName: "Hidden", Members: members})
	type page struct {
		People []struct {
			ID, DisplayName, Department string
			Groups                      []string
		}
		Groups []struct{ ID, DisplayName string }
		Next   string
	}
	get := func(query string) (p page) {
		a := w.call("GET", "/v1/directory?"+query, "")
		if err := json.Unmarshal([]byte(a.body), &p); err != nil || a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		return p
	}
	eventually(t, "the directory is known", func() bool { return len(get("").Groups) == 1 })
	seen := map[string]bool{}
	for query, pages := "", 0; ; pages++ {
		p := get(query)
		for _, person := range p.People {
			if seen[person.ID] || len(person.Groups) != 1 || person.Groups[0] != team.String() || person.DisplayName == "" {
				t.Fatalf("person %+v", person)
			}
			seen[person.ID] = true
		}
		if p.Next == "" {
			break
		}
		if query = "next=" + p.Next; pages > 5 {
			t.Fatal("no end")
		}
	}
	if len(seen) != people {
		t.Errorf("%d people, want %d", len(seen), people)
	}
	if p := get("search=PERSON+1233"); len(p.People) != 1 {
		t.Errorf("search: %+v", p)
	}
	if p := get("groups=" + hidden.String()); len(p.People) != 0 {
		t.Errorf("a hidden group: %+v", p)
	}
	plain := w.call("GET", "/v1/directory", "", "Accept-Encoding", "identity")
	r, _ := http.NewRequest("GET", w.url("http", "/v1/directory"), nil)
	r.Header.Set("Accept-Encoding", "gzip")
	zipped, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer zipped.Body.Close()
	sent, _ := io.ReadAll(zipped.Body)
	z, err := gzip.NewReader(bytes.NewReader(sent))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(z); err != nil || string(text) != plain.body || len(sent) > len(text)/3 || plain.header.Get("Content-Encoding") != "" {
		t.Errorf("%d bytes compressed, %d plain: %v", len(sent), len(plain.body), err)
	}
	if a := w.call("GET", "/v1/settings", ""); !strings.Contains(a.body, `"version":"1.2.3"`) || !strings.Contains(a.body, `"signIn":{"anonymous":true,"apiKey":false}`) || strings.Contains(a.body, "demo") {
		t.Errorf("settings %s", a.body)
	}
	if a := newWorld(t, 1, gateway.Options{Demo: true}).call("GET", "/v1/settings", ""); !strings.Contains(a.body, `"demo":true`) {
		t.Errorf("settings of a demo %s", a.body)
	}
}

func TestPanicIsSurvived(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{Pages: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(bytes.ErrTooLarge) })})
	if a := w.call("GET", "/", ""); a.status != 500 {
		t.Errorf("got %+v", a)
	}
	if a := w.call("GET", "/v1/settings", ""); a.status != 200 {
		t.Errorf("got %+v", a)
	}
}
