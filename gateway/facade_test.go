package gateway_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/describe/describetest"
	"github.com/presence-gateway/presence-gateway/gateway/graphapi"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// graphAnswer is what the facade said.
type graphAnswer struct {
	status int
	header http.Header
	body   string
	Value  []json.RawMessage
	Error  struct {
		Code, Message string
		InnerError    struct {
			Date            string
			RequestID       string `json:"request-id"`
			ClientRequestID string `json:"client-request-id"`
		}
	}
	Responses []struct {
		ID      string
		Status  int
		Headers map[string]string
		Body    json.RawMessage
	}
}

func (w *world) graph(method, path, body string, header ...string) (a graphAnswer) {
	w.t.Helper()
	r, err := http.NewRequest(method, w.url("http", "/graph/v1.0"+path), strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	describetest.Answer(w.t, method, "/graph/v1.0"+path, response.StatusCode, response.Header, text)
	a.status, a.header, a.body = response.StatusCode, response.Header, string(text)
	if len(text) == 0 {
		return a
	}
	if err := json.Unmarshal(text, &a); err != nil {
		w.t.Fatalf("%s %s: %v in %s", method, path, err, text)
	}
	id, client := a.header.Get("request-id"), a.header.Get("client-request-id")
	if _, err := presence.ParseID(id); err != nil || client == "" || a.header.Get("Date") == "" {
		w.t.Errorf("%s %s: headers %v", method, path, a.header)
	}
	if a.status >= 400 {
		e := a.Error
		if e.Code == "" || e.Message == "" || e.InnerError.RequestID != id || e.InnerError.ClientRequestID != client || e.InnerError.Date == "" {
			w.t.Errorf("%s %s: %d %s", method, path, a.status, text)
		}
	}
	return a
}

// facadeWorld has a user who is known (0), one whom Graph does not know (1), and one not read yet (2). User 3 may not be seen.
func facadeWorld(t *testing.T, o gateway.Options) *world {
	t.Helper()
	all := presence.OutOfOffice | presence.OutOfOfficeMessage | presence.StatusMessage | presence.WorkLocation
	if o.Policy == nil {
		o.Policy = []gateway.Rule{{Who: gateway.Who{Anonymous: true}, Allow: gateway.Allow{Users: []presence.ID{user(0), user(1), user(2)}}, Fields: all}}
	}
	w := newWorld(t, 4, o)
	now := time.Now()
	full := presence.Facts{Availability: "Busy", Activity: "InAMeeting", OutOfOffice: presence.True, OutOfOfficeMessage: "Back <soon>",
		StatusMessage: "Grüße", WorkLocation: presence.Place{Type: "office", Source: "manual"}}
	var readings []presence.Reading
	for _, i := range []int{0, 3} {
		readings = append(readings, presence.Reading{ID: user(i), Content: presence.Intern(full, all), Sequence: "A0129311063",
			Asked: now.Add(-time.Millisecond), Answered: now})
	}
	if _, err := w.hub.Observe(t.Context(), readings); err != nil {
		t.Fatal(err)
	}
	w.lose(1)
	return w
}

func TestFacadeShapes(t *testing.T) {
	w := facadeWorld(t, gateway.Options{})
	members := `"id":"` + user(0).String() + `","availability":"Busy","activity":"InAMeeting",` +
		`"outOfOfficeSettings":{"message":"Back \u003csoon\u003e","isOutOfOffice":true},` +
		`"statusMessage":{"message":{"content":"Grüße","contentType":"text"}},` +
		`"workLocation":{"placeId":null,"source":"manual","workLocationType":"office"},"sequenceNumber":"A0129311063"}`
	root := "http://" + w.addr + "/graph/v1.0/$metadata#"
	for path, place := range map[string]string{
		"/users/" + user(0).String() + "/presence":                             "users('" + user(0).String() + "')/presence/$entity",
		"/users/" + strings.ToUpper(user(0).String()) + "/presence?$select=id": "users('" + user(0).String() + "')/presence/$entity",
		"/communications/presences/" + user(0).String():                        "communications/presences/$entity",
	} {
		a := w.graph("GET", path, "", "client-request-id", "c-17")
		if want := `{"@odata.context":"` + root + place + `",` + members; a.status != 200 || a.body != want {
			t.Errorf("GET %s: %d\n got %s\nwant %s", path, a.status, a.body, want)
		}
		if a.header.Get("Content-Type") != "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8" ||
			a.header.Get("OData-Version") != "4.0" || a.header.Get("client-request-id") != "c-17" || a.header.Get("Cache-Control") != "private, no-cache" {
			t.Errorf("headers %v", a.header)
		}
	}
	a := w.graph("POST", "/communications/getPresencesByUserId", `{"ids":`+ids(0, 0)+`}`)
	if want := `{"@odata.context":"` + root + `Collection(microsoft.graph.presence)","value":[{"@odata.type":"#microsoft.graph.presence",` + members + `]}`; a.body != want {
		t.Errorf("list: %d\n got %s\nwant %s", a.status, a.body, want)
	}
	if a := w.graph("HEAD", "/users/"+user(0).String()+"/presence", ""); a.status != 200 || a.body != "" {
		t.Errorf("HEAD: %+v", a)
	}
	for _, bad := range []string{"with space", strings.Repeat("x", 129), "<b>"} {
		if a := w.graph("GET", "/users/"+user(0).String()+"/presence", "", "client-request-id", bad); a.header.Get("client-request-id") != a.header.Get("request-id") {
			t.Errorf("the name %.20q is said back: %v", bad, a.header)
		}
	}
}

// What the policy does not show is null, as what nobody set is.
func TestFacadeShowsAllowedFieldsOnly(t *testing.T) {
	policy := []gateway.Rule{{Who: gateway.Who{Anonymous: true}, Allow: gateway.Allow{All: true}, Fields: presence.OutOfOffice}}
	w := facadeWorld(t, gateway.Options{Policy: policy})
	a := w.graph("GET", "/users/"+user(0).String()+"/presence", "")
	if !strings.Contains(a.body, `"outOfOfficeSettings":{"message":null,"isOutOfOffice":true},"statusMessage":null,"workLocation":null,"sequenceNumber"`) {
		t.Errorf("got %s", a.body)
	}
	policy[0].Fields = presence.OutOfOfficeMessage
	a = facadeWorld(t, gateway.Options{Policy: policy}).graph("GET", "/users/"+user(0).String()+"/presence", "")
	if !strings.Contains(a.body, `"outOfOfficeSettings":{"message":"Back \u003csoon\u003e","isOutOfOffice":null}`) {
		t.Errorf("got %s", a.body)
	}
	policy[0].Fields = 0
	a = facadeWorld(t, gateway.Options{Policy: policy}).graph("GET", "/users/"+user(0).String()+"/presence", "")
	if !strings.Contains(a.body, `"outOfOfficeSettings":null`) {
		t.Errorf("got %s", a.body)
	}
}

// In lists nobody can tell who is unknown, who may not be seen and who was not read yet; alone, an unread one is worth waiting for.
func TestFacadeOfWhoeverIsNotKnown(t *testing.T) {
	w := facadeWorld(t, gateway.Options{})
	a := w.graph("POST", "/communications/getPresencesByUserId", `{"ids":`+ids(3, 99, 1, 2, 0)+`}`)
	if a.status != 200 || len(a.Value) != 5 || !strings.Contains(string(a.Value[4]), `"Busy"`) {
		t.Fatalf("%+v", a)
	}
	for i, other := range []int{3, 99, 1, 2} {
		want := `{"@odata.type":"#microsoft.graph.presence","id":"` + user(other).String() + `","availability":"PresenceUnknown","activity":"PresenceUnknown",` +
			`"outOfOfficeSettings":null,"statusMessage":null,"workLocation":null,"sequenceNumber":null}`
		if string(a.Value[i]) != want {
			t.Errorf("user %d: %s", other, a.Value[i])
		}
	}
	for _, place := range []string{"/users/%s/presence", "/communications/presences/%s"} {
		for _, other := range []int{3, 99, 1} {
			if a := w.graph("GET", fmt.Sprintf(place, user(other)), ""); a.status != 404 || a.Error.Code != "NotFound" ||
				a.Error.Message != "The presence of user '"+user(other).String()+"' was not found." {
				t.Errorf("user %d: %d %s", other, a.status, a.body)
			}
		}
		if a := w.graph("GET", fmt.Sprintf(place, user(2)), ""); a.status != 503 || a.header.Get("Retry-After") == "" || a.Error.Code != "ServiceUnavailable" {
			t.Errorf("unread: %d %v %s", a.status, a.header, a.body)
		}
	}
	if a := w.graph("GET", "/me/presence", ""); a.status != 400 || a.Error.Code != "BadRequest" {
		t.Errorf("me of nobody: %d %s", a.status, a.body)
	}
}

// Nothing old is shown as new, alone or in a list; and a read waits for the poller, and is interest.
func TestFacadeAge(t *testing.T) {
	w := facadeWorld(t, gateway.Options{FacadeMaxAge: 50 * time.Millisecond, ReadWait: 20 * time.Millisecond})
	old := func(a graphAnswer) bool { return a.status == 503 && a.header.Get("Retry-After") != "" && a.body != "" }
	eventually(t, "too old", func() bool { return old(w.graph("GET", "/users/"+user(0).String()+"/presence", "")) })
	if a := w.graph("POST", "/communications/getPresencesByUserId", `{"ids":`+ids(1, 0)+`}`); !old(a) {
		t.Errorf("an old one in a list: %d %s", a.status, a.body)
	}

	w = newWorld(t, 0, gateway.Options{OnDemand: true, ReadWait: 5 * time.Second})
	answered := make(chan graphAnswer)
	go func() { answered <- w.graph("POST", "/communications/getPresencesByUserId", `{"ids":`+ids(7)+`}`) }()
	eventually(t, "the read is interest", func() bool { return w.hub.Watchers(user(7)) == 1 })
	w.set(7, "Away")
	if a := <-answered; a.status != 200 || !strings.Contains(a.body, "Away") {
		t.Errorf("%+v", a)
	}
	w.server.Govern([]gateway.Rule{{Who: gateway.Who{Anonymous: true}, Allow: gateway.Allow{Users: upToUser(10)}}}, "")
	if start, a := time.Now(), w.graph("GET", "/users/"+user(99).String()+"/presence", ""); a.status != 404 || time.Since(start) > 4*time.Second {
		t.Errorf("whoever may not be seen is waited for: %d after %v", a.status, time.Since(start))
	}
	// Twenty reads of a batch wait together.
	go func() {
		answered <- w.graph("POST", "/$batch", `{"requests":[{"id":"1","method":"GET","url":"/users/`+user(8).String()+`/presence"},
			{"id":"2","method":"GET","url":"/users/`+user(9).String()+`/presence"}]}`)
	}()
	eventually(t, "both are interest at once", func() bool { return w.hub.Watchers(user(8)) == 1 && w.hub.Watchers(user(9)) == 1 })
	w.setAll("Busy", 8, 9)
	if a := <-answered; len(a.Responses) != 2 || a.Responses[0].Status != 200 || a.Responses[1].Status != 200 {
		t.Errorf("%+v", a)
	}
}

func TestFacadeRefusals(t *testing.T) {
	w := facadeWorld(t, gateway.Options{Origins: []string{"https://intranet.example.com"}})
	many := func(n int) string { return `{"ids":` + ids(upTo(n)...) + `}` }
	const list, batch = "/communications/getPresencesByUserId", "/$batch"
	request := func(members string) string {
		return `{"requests":[{"id":"1","method":"GET","url":"/me/presence"` + members + `}]}`
	}
	for _, row := range []struct {
		method, path, body string
		status             int
		code, says         string
		header             []string
	}{
		{"POST", list, many(graphapi.MaxIDs), 200, "", "", nil},
		{"POST", list, many(graphapi.MaxIDs + 1), 400, "BadRequest", "650", nil},
		{"POST", list, `{"ids":[]}`, 400, "BadRequest", "empty", nil},
		{"POST", list, `{}`, 400, "BadRequest", "empty", nil},
		{"POST", list, ``, 400, "BadRequest", "JSON", nil},
		{"POST", list, `{"ids":"x"}`, 400, "BadRequest", "JSON", nil},
		{"POST", list, `{"ids":["` + user(0).String() + `","moon"]}`, 400, "BadRequest", "Element 1", nil},
		{"POST", list, `{"ids":[null]}`, 400, "BadRequest", "Element 0", nil},
		{"POST", list, many(1), 415, "RequestBodyRead", "application/json", []string{"Content-Type", "text/plain"}},
		{"POST", list, many(1), 415, "RequestBodyRead", "gzip", []string{"Content-Encoding", "br"}},
		{"POST", list, many(1), 200, "", "", []string{"Content-Encoding", "gzip"}}, // says so and is not, as an SDK does
		{"POST", list, strings.Repeat(" ", graphapi.MaxBody+1), 413, "RequestEntityTooLarge", "bytes", nil},
		{"GET", list, "", 405, "Request_BadRequest", "POST", nil},
		{"DELETE", "/users/" + user(0).String() + "/presence", "", 405, "Request_BadRequest", "GET", nil},
		{"GET", "/users/moon/presence", "", 400, "BadRequest", "'moon'", nil},
		{"GET", "/users/" + user(0).String(), "", 400, "BadRequest", "Resource not found", nil},
		{"GET", "/groups", "", 400, "BadRequest", "Resource not found", nil},
		{"GET", "/", "", 400, "BadRequest", "", nil},
		{"GET", "/../beta/me/presence", "", 400, "BadRequest", "Resource not found", nil},
		{"GET", "/me/presence?access_token=x", "", 400, "BadRequest", "URL", nil},
		{"GET", "/me/presence", "", 401, "InvalidAuthenticationToken", "", []string{"Authorization", "Bearer canary"}},
		{"GET", "/me/presence", "", 403, "Forbidden", "Origin", []string{"Origin", "https://evil.example.com"}},
		{"GET", "/me/presence", "", 403, "Forbidden", "Origin", []string{"Origin", "null"}},
		{"GET", batch, "", 405, "Request_BadRequest", "POST", nil},
		{"POST", batch, `{"requests":[]}`, 400, "BadRequest", "batch", nil},
		{"POST", batch, `[]`, 400, "BadRequest", "batch", nil},
		{"POST", batch, request(``), 415, "RequestBodyRead", "", []string{"Content-Type", "text/plain"}},
		{"POST", batch, request(`},{"id":"1","method":"GET","url":"/me/presence"`), 400, "BadRequest", "id of its own", nil},
		{"POST", batch, request(`},{"id":"2","url":"/me/presence"`), 400, "BadRequest", "method", nil},
		{"POST", batch, request(`},{"id":"2","method":"GET"`), 400, "BadRequest", "url", nil},
		{"POST", batch, request(`,"dependsOn":["9"]`), 400, "BadRequest", "depends", nil},
		{"POST", batch, request(`,"dependsOn":["1"]`), 400, "BadRequest", "depends", nil},
		{"POST", batch, request(`,"dependsOn":[` + strings.Repeat(`"1",`, 20) + `"1"]`), 400, "BadRequest", "depends on more", nil},
	} {
		a := w.graph(row.method, row.path, row.body, row.header...)
		if a.status != row.status || a.Error.Code != row.code || !strings.Contains(a.Error.Message, row.says) || strings.Contains(a.body, "canary") {
			t.Errorf("%s %s %.60s: got %d %.300s, want %d %s saying %q", row.method, row.path, row.body, a.status, a.body, row.status, row.code, row.says)
		}
		if row.status == 405 && !strings.Contains(a.header.Get("Allow"), "OPTIONS") {
			t.Errorf("%s %s allows %q", row.method, row.path, a.header.Get("Allow"))
		}
		if row.status == 401 && a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("headers %v", a.header)
		}
	}
	for _, path := range []string{"/graph", "/graph/", "/graph/beta/me/presence", "/graph/v1.0"} {
		response, err := http.Get(w.url("http", path))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != 400 || !strings.Contains(string(text), "Invalid version") {
			t.Errorf("%s: %d %s", path, response.StatusCode, text)
		}
	}
	preflight := w.graph("OPTIONS", list, "", "Origin", "https://intranet.example.com", "Access-Control-Request-Method", "POST",
		"Access-Control-Request-Headers", "authorization,client-request-id,content-type,sdkversion")
	if h := preflight.header; preflight.status != 204 || h.Get("Access-Control-Allow-Origin") != "https://intranet.example.com" ||
		!strings.Contains(h.Get("Access-Control-Allow-Methods"), "POST") || !strings.Contains(h.Get("Access-Control-Allow-Headers"), "SdkVersion") {
		t.Errorf("preflight %d %v", preflight.status, preflight.header)
	}
}

func TestFacadeBatch(t *testing.T) {
	w := facadeWorld(t, gateway.Options{})
	get := func(id, url, more string) string {
		return fmt.Sprintf(`{"id":%q,"method":"GET","url":%q%s}`, id, url, more)
	}
	one := func(i int) string { return "/users/" + user(i).String() + "/presence" }
	post := func(id, body string) string {
		return `{"id":"` + id + `","method":"post","url":"communications/getPresencesByUserId","headers":{"content-type":"application/json"},"body":` + body + `}`
	}
	want := map[string]int{}
	var requests []string
	add := func(id string, status int, text string) {
		want[id] = status
		requests = append(requests, text)
	}
	add("known", 200, get("known", one(0), ""))
	add("whole", 200, get("whole", "/graph/v1.0"+one(0), `,"dependsOn":["later"]`))
	add("later", 200, get("later", "/v1.0/communications/presences/"+user(0).String(), ""))
	add("list", 200, post("list", `{"ids":`+ids(0, 1, 2, 3)+`}`))
	add("many", 400, post("many", `{"ids":`+ids(upTo(651)...)+`}`))
	add("unread", 503, get("unread", one(2), ""))
	add("unknown", 404, get("unknown", one(1), ""))
	add("denied", 404, get("denied", one(3), ""))
	add("me", 400, get("me", "/me/presence", ""))
	add("after", 424, get("after", one(0), `,"dependsOn":["unread"]`))
	add("afterAfter", 424, get("afterAfter", one(0), `,"dependsOn":["known","after"]`))
	add("nested", 400, get("nested", "/$batch", ""))
	add("absolute", 200, `{"id":"absolute","method":"GET","url":"https://graph.microsoft.com/v1.0`+one(0)+`","body":null}`)
	add("escape", 400, get("escape", "/users/%zz/presence", ""))
	add("wrong", 400, get("wrong", "/users", ""))
	add("delete", 405, `{"id":"delete","method":"DELETE","url":"`+one(0)+`"}`)
	add("untyped", 400, `{"id":"untyped","method":"POST","url":"/communications/getPresencesByUserId","body":{"ids":`+ids(0)+`}}`)
	add("string", 400, post("string", `"eyJpZHMiOltdfQ=="`))
	add("named", 404, get("named", one(1), `,"headers":{"client-request-id":"mine"}`))
	add("<&\\", 404, get("<&\\", one(1), ""))
	a := w.graph("POST", "/$batch", `{"requests":[`+strings.Join(requests, ",")+`]}`, "client-request-id", "outer")
	if a.status != 200 || len(a.Responses) != len(want) {
		t.Fatalf("%d %s", a.status, a.body)
	}
	for _, got := range a.Responses {
		if got.Status != want[got.ID] {
			t.Errorf("%s: %d %s, want %d", got.ID, got.Status, got.Body, want[got.ID])
		}
		client := "outer"
		if got.ID == "named" {
			client = "mine"
		}
		if got.Headers["client-request-id"] != client || got.Headers["request-id"] == "" || got.Headers["Content-Type"] == "" {
			t.Errorf("%s: %v", got.ID, got.Headers)
		}
		if (got.Status == 503) != (got.Headers["Retry-After"] != "") {
			t.Errorf("%s: %v", got.ID, got.Headers)
		}
		if got.Status == 200 && !bytes.Contains(got.Body, []byte(`"Busy"`)) {
			t.Errorf("%s: %s", got.ID, got.Body)
		}
		if got.Status >= 400 && !bytes.HasPrefix(got.Body, []byte(`{"error":{"code":"`)) {
			t.Errorf("%s: %s", got.ID, got.Body)
		}
	}
	full := strings.Repeat(get("%d", one(0), "")+",", graphapi.MaxRequests+1)
	var numbers []any
	for i := range graphapi.MaxRequests + 1 {
		numbers = append(numbers, i)
	}
	if a := w.graph("POST", "/$batch", `{"requests":[`+fmt.Sprintf(strings.TrimSuffix(full, ","), numbers...)+`]}`); a.status != 400 || a.Error.Code != "MaximumValueExceeded" {
		t.Errorf("21 requests: %d %s", a.status, a.body)
	}
}

// A body may be compressed, and unpacks to no more than a plain one may have.
func TestFacadeUnpacks(t *testing.T) {
	w := facadeWorld(t, gateway.Options{})
	pack := func(plain io.Reader) string {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		if _, err := io.Copy(z, plain); err != nil {
			t.Fatal(err)
		}
		_ = z.Close()
		return packed.String()
	}
	const path = "/communications/getPresencesByUserId"
	good := pack(strings.NewReader(`{"ids":` + ids(0) + `}`))
	if a := w.graph("POST", path, good, "Content-Encoding", "gzip"); a.status != 200 || len(a.Value) != 1 {
		t.Errorf("packed: %d %s", a.status, a.body)
	}
	if a := w.graph("POST", path, good[:len(good)-9], "Content-Encoding", "gzip"); a.status != 400 {
		t.Errorf("torn: %d %s", a.status, a.body)
	}
	bomb := pack(io.LimitReader(spaces{}, 512<<20)) // half a gigabyte in half a megabyte
	if len(bomb) > graphapi.MaxBody {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	before := memoryNow()
	if a := w.graph("POST", path, bomb, "Content-Encoding", "gzip"); a.status != 413 {
		t.Errorf("a bomb: %d %s", a.status, a.body)
	}
	if grown := memoryNow() - before; grown > 32<<20 {
		t.Errorf("a bomb took %d bytes", grown)
	}
}

func upToUser(n int) (list []presence.ID) {
	for i := range n {
		list = append(list, user(i))
	}
	return list
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// memoryNow is what has been allocated so far.
func memoryNow() int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}
