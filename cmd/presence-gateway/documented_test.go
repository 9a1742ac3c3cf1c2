package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

// The answers that Microsoft documents, each through the whole program to what a browser receives: Graph's own names
// and values, the fields that privacy.fields lists and no others.
func TestDocumentedAnswers(t *testing.T) {
	const id = "fa8bf3dc-eca7-46b7-bad1-db199b62afc3"
	const all = "outOfOffice, outOfOfficeMessage, statusMessage, workLocation"
	for _, row := range []struct{ answer, read, fields, want string }{
		{"single", "users", all, `{"availability":"Available","activity":"Available","outOfOfficeSettings":{"isOutOfOffice":false},
			"statusMessage":{"message":{"content":"Hey I am available now","contentType":"text"}},"sequenceNumber":"A0129311063"}`},
		{"single", "users", "outOfOffice", `{"availability":"Available","activity":"Available","outOfOfficeSettings":{"isOutOfOffice":false},"sequenceNumber":"A0129311063"}`},
		{"single", "communications", "", `{"availability":"Available","activity":"Available","sequenceNumber":"A0129311063"}`},
		{"me", "me", "statusMessage", `{"availability":"Busy","activity":"InAMeeting",
			"statusMessage":{"message":{"content":"Heads down","contentType":"text"}},"sequenceNumber":"A0129311063"}`},
		{"wrapped", "communications", all, `{"availability":"Busy","activity":"InAMeeting","outOfOfficeSettings":{"isOutOfOffice":false}}`},
		{"batch", "batch", all, `{"availability":"Busy","activity":"InAMeeting","outOfOfficeSettings":{"isOutOfOffice":false}}`},
		{"outofoffice", "users", "outOfOffice, outOfOfficeMessage", `{"availability":"Offline","activity":"OffWork",
			"outOfOfficeSettings":{"isOutOfOffice":true,"message":"<p>Away until \u201cMonday\u201d \ud83c\udf34</p>\r\n"},"sequenceNumber":"A0129311065"}`},
		{"usgov", "users", all, `{"availability":"DoNotDisturb","activity":"Presenting"}`},
		{"annotated", "batch", all, `{"availability":"Busy","activity":"InAMeeting","outOfOfficeSettings":{"isOutOfOffice":false},
			"workLocation":{"workLocationType":"remote","source":"manual"},"sequenceNumber":"A0129311064"}`},
	} {
		t.Run(fmt.Sprintf("%s/%s/%s", row.answer, row.read, row.fields), func(t *testing.T) {
			t.Parallel()
			answer, err := os.ReadFile(filepath.Join("..", "..", "poller", "graph", "testdata", row.answer+".json"))
			if err != nil {
				t.Fatal(err)
			}
			graph := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8")
				_, _ = w.Write(answer)
			}))
			t.Cleanup(graph.Close)
			dir := t.TempDir()
			address := freePort(t)
			write(t, filepath.Join(dir, "config.yaml"), fmt.Sprintf(`listen: %s
admin_listen: ""
state_dir: %s
graph: {base_url: %q, credential: {kind: token_file}, read: %s}
watch: {users: [%s]}
privacy: {fields: [%s]}
gateway: {auth: {anonymous: true}, policy: [{who: {anonymous: true}, allow: "*"}]}
`, address, dir, graph.URL, row.read, id, row.fields))
			start(t, []string{"PRESENCE_GRAPH_CREDENTIAL_TOKEN=any"}, "serve", "--config", filepath.Join(dir, "config.yaml"))
			eventually(t, 10*time.Second, "answers", func() bool {
				status, _ := request(t, "GET", "http://"+address+"/v1/presences/"+id, "")
				return status == http.StatusOK
			})
			c := dial(t, address)
			c.send(map[string]any{"type": "subscribe", "users": []string{id}})
			m, err := c.until(5*time.Second, func(m wire.Message) bool { return m.Type == wire.Snapshot })
			if err != nil || len(m.Presences) != 1 {
				t.Fatalf("got %+v, %v", m, err)
			}
			var got, want map[string]any
			if err := json.Unmarshal(m.Presences[0].Raw, &got); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(row.want), &want); err != nil {
				t.Fatal(err)
			}
			for _, ours := range []string{"version", "observedAt"} {
				if text, _ := got[ours].(string); text == "" {
					t.Errorf("no %s in %s", ours, m.Presences[0].Raw)
				}
				delete(got, ours)
			}
			want["id"] = id
			if !reflect.DeepEqual(got, want) {
				t.Errorf("a browser receives\n %v, want\n %v", got, want)
			}
		})
	}
}
