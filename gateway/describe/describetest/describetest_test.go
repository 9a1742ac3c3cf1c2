package describetest

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// The messages that other implementations are held against are as described.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("../../wire/testdata/golden/*.json")
	if err != nil || len(files) < 15 {
		t.Fatalf("%d golden files: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		switch name := filepath.Base(file); name {
		case "list.json": // an HTTP answer with some of its members
		case "hello-fraction.json":
			Message(t, text)
		default:
			Message(t, text)
		}
	}
}

// What the description gives as examples is as described.
func TestExamples(t *testing.T) {
	messages := asyncAPI().content["components"].(map[string]any)["messages"].(map[string]any)
	if len(messages) != len(server)+len(client) {
		t.Errorf("%d messages are described, want %d", len(messages), len(server)+len(client))
	}
	for name, message := range messages {
		examples := message.(map[string]any)["examples"].([]any)
		for _, example := range examples {
			text, err := json.Marshal(example.(map[string]any)["payload"])
			if err != nil {
				t.Fatal(err)
			}
			if client[name] {
				Request(t, text)
			} else {
				Message(t, text)
			}
		}
		if len(examples) == 0 {
			t.Errorf("%s has no example", name)
		}
	}
}

// Both descriptions say the same of what they share.
func TestShared(t *testing.T) {
	schemas := func(d *document) map[string]any {
		return d.content["components"].(map[string]any)["schemas"].(map[string]any)
	}
	shared := 0
	for name, schema := range schemas(asyncAPI()) {
		if other, found := schemas(openAPI())[name]; found {
			if shared++; !reflect.DeepEqual(schema, other) {
				t.Errorf("%s differs", name)
			}
		}
	}
	if shared < 10 {
		t.Errorf("%d schemas are shared", shared)
	}
}

// Every schema of both descriptions can be compiled, used by a test or not.
func TestCompile(t *testing.T) {
	for _, d := range []*document{asyncAPI(), openAPI()} {
		for name := range d.content["components"].(map[string]any)["schemas"].(map[string]any) {
			if _, err := d.schema("/components/schemas/" + name); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestWrongMessagesAreSeen(t *testing.T) {
	const id = "fa8bf3dc-eca7-46b7-bad1-db199b62afc3"
	state := `{"id":"` + id + `","availability":"Busy","activity":"Busy","version":"1","observedAt":"2026-01-31T09:30:00.123Z"}`
	for text, good := range map[string]bool{
		`{"type":"delta","presences":[` + state + `]}`:                                              true,
		`{"type":"delta","presences":[` + strings.Replace(state, `"id"`, `"extra":1,"id"`, 1):       false,
		`{"type":"delta","presences":[` + strings.Replace(state, id, strings.ToUpper(id), 1) + `]}`: false,
		`{"type":"delta","presences":[` + strings.Replace(state, "123Z", "123456Z", 1) + `]}`:       false,
		`{"type":"delta","presences":[` + strings.Replace(state, `"1"`, `"a\"b"`, 1) + `]}`:         false,
		`{"type":"delta","presences":[],"extra":1}`:                                                 false,
		`{"type":"delta"}`:                       false,
		`{"type":"news"}`:                        false,
		`{"type":"subscribe"}`:                   false,
		`{"type":"gone","users":[],"reason":""}`: false,
		`{"type":"status","state":"live"}`:       true,
		`{"type":"status","state":"degraded"}`:   false,
		`{"type":"ack","id":"1"}`:                false,
		`{`:                                      false,
	} {
		if err := checkMessage(server, []byte(text)); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
	if err := checkMessage(event, []byte(`{"type":"ack"}`)); err == nil {
		t.Error("an ack as an event")
	}
}

func TestWrongAnswersAreSeen(t *testing.T) {
	const path = "/v1/presences/fa8bf3dc-eca7-46b7-bad1-db199b62afc3"
	const state = `{"id":"fa8bf3dc-eca7-46b7-bad1-db199b62afc3","availability":"","activity":"","version":"1","observedAt":"2026-01-31T09:30:00.123Z"}`
	good := map[string]string{"Content-Type": "application/json; charset=utf-8", "ETag": `W/"1"`, "Age": "0", "Cache-Control": "private, no-cache"}
	problem := map[string]string{"Content-Type": "application/problem+json"}
	for _, row := range []struct {
		name, method, path string
		status             int
		header             map[string]string
		without, body      string
		good               bool
	}{
		{name: "good", path: path, status: 200, header: good, body: state, good: true},
		{name: "a member too many", path: path, status: 200, header: good, body: `{"x":1,` + state[1:]},
		{name: "no body's shape", path: path, status: 200, header: good, body: `[]`},
		{name: "no ETag", path: path, status: 200, header: good, without: "ETag", body: state},
		{name: "Age is no number", path: path, status: 200, header: map[string]string{"Content-Type": "application/json", "ETag": `W/"1"`, "Age": "x", "Cache-Control": "private, no-cache"}, body: state},
		{name: "public", path: path, status: 200, header: map[string]string{"Content-Type": "application/json", "ETag": `W/"1"`, "Age": "1", "Cache-Control": "public"}, body: state},
		{name: "another type", path: path, status: 200, header: map[string]string{"Content-Type": "text/html", "ETag": `W/"1"`, "Age": "1", "Cache-Control": "private, no-cache"}, body: state},
		{name: "a status not described", path: path, status: 418, header: problem, body: `{}`},
		{name: "not found", path: path, status: 404, header: problem, body: `{"type":"about:blank","title":"Not Found","status":404}`, good: true},
		{name: "no problem", path: path, status: 404, header: problem, body: `{"error":"x"}`},
		{name: "HEAD", method: "HEAD", path: path, status: 200, header: good, good: true},
		{name: "unavailable without Retry-After", path: path, status: 503, header: problem, body: `{"type":"about:blank","title":"x","status":503}`},
		{name: "nothing there", path: "/v1/nothing", status: 404, header: problem, body: `{"type":"about:blank","title":"x","status":404}`, good: true},
		{name: "something there", path: "/v1/nothing", status: 200, header: good, body: `{}`},
		{name: "wrong method", method: "POST", path: path, status: 405, header: map[string]string{"Allow": "GET"}, body: `{"type":"about:blank","title":"x","status":405}`, good: true},
		{name: "wrong method without Allow", method: "POST", path: path, status: 405, body: `{"type":"about:blank","title":"x","status":405}`},
		{name: "a Graph error", path: "/graph/v1.0/me/presence", status: 400, header: map[string]string{"Content-Type": "application/json"},
			body: `{"error":{"code":"BadRequest","message":"x","innerError":{"date":"x","request-id":"x","client-request-id":"x"}}}`, good: true},
		{name: "no Graph error", path: "/graph/v1.0/me/presence", status: 400, header: map[string]string{"Content-Type": "application/json"}, body: `{"error":{"code":"BadRequest"}}`},
	} {
		header := http.Header{}
		for name, value := range row.header {
			header.Set(name, value)
		}
		header.Del(row.without)
		if row.method == "" {
			row.method = "GET"
		}
		if err := checkAnswer(row.method, row.path, row.status, header, []byte(row.body)); (err == nil) != row.good {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}
