package graphapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/presence-gateway/presence-gateway/gateway/graphapi"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// table knows everybody who is asked for, as the caller who is person.
type table struct{ person presence.ID }

func (t table) Caller(http.ResponseWriter, *http.Request) (graphapi.Caller, error) { return t, nil }
func (table) Root(*http.Request) string                                            { return "https://gw.example.com" }
func (t table) Me() (presence.ID, bool)                                            { return t.person, !t.person.IsZero() }

func (table) Read(_ context.Context, ids []presence.ID) []graphapi.Row {
	rows := make([]graphapi.Row, len(ids))
	for i, id := range ids {
		rows[i] = graphapi.Row{Standing: graphapi.Known, State: presence.State{ID: id,
			Content: presence.Intern(presence.Facts{Availability: "Available", Activity: "Available"}, 0)}}
	}
	return rows
}

func ask(t testing.TB, source graphapi.Source, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, "/", strings.NewReader(body))
	r.URL.Path = path
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	if err := graphapi.New(source).Answer(w, r); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestMe(t *testing.T) {
	me, err := presence.ParseID("fa8bf3dc-eca7-46b7-bad1-db199b62afc3")
	if err != nil {
		t.Fatal(err)
	}
	w := ask(t, table{me}, "GET", graphapi.Prefix+"/me/presence", "")
	want := `{"@odata.context":"https://gw.example.com/graph/v1.0/$metadata#users('` + me.String() + `')/presence/$entity","id":"` + me.String() + `",`
	if w.Code != 200 || !strings.HasPrefix(w.Body.String(), want) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(t, table{}, "GET", graphapi.Prefix+"/me/presence", ""); w.Code != 400 {
		t.Errorf("me of a program: %d %s", w.Code, w.Body)
	}
	w = ask(t, table{me}, "POST", graphapi.Prefix+"/$batch", `{"requests":[{"id":"1","method":"GET","url":"/me/presence"}]}`)
	if !strings.Contains(w.Body.String(), `"id":"`+me.String()) {
		t.Errorf("me in a batch: %s", w.Body)
	}
}

// broken is a source that fails by a fault of ours.
type broken struct{ table }

var errBroken = errors.New("broken")

func (broken) Caller(http.ResponseWriter, *http.Request) (graphapi.Caller, error) {
	return nil, errBroken
}

func TestFaultsAreReturned(t *testing.T) {
	w := httptest.NewRecorder()
	err := graphapi.New(broken{}).Answer(w, httptest.NewRequest("GET", graphapi.Prefix+"/me/presence", nil))
	if !errors.Is(err, errBroken) || w.Body.Len() > 0 {
		t.Errorf("got %v, %s", err, w.Body)
	}
}

// FuzzFacade throws paths and bodies at the facade: every answer is JSON, and a refusal or what was asked.
func FuzzFacade(f *testing.F) {
	f.Add("/me/presence", "")
	f.Add("/users/fa8bf3dc-eca7-46b7-bad1-db199b62afc3/presence", "")
	f.Add("/communications/getPresencesByUserId", `{"ids":["fa8bf3dc-eca7-46b7-bad1-db199b62afc3"]}`)
	f.Add("/$batch", `{"requests":[{"id":"1","method":"GET","url":"/me/presence","dependsOn":["2"]},{"id":"2","method":"POST",
		"url":"/communications/getPresencesByUserId","headers":{"Content-Type":"application/json"},"body":{"ids":["fa8bf3dc-eca7-46b7-bad1-db199b62afc3"]}}]}`)
	me := presence.ID{1}
	f.Fuzz(func(t *testing.T, path, body string) {
		method := "GET"
		if body != "" {
			method = "POST"
		}
		w := ask(t, table{me}, method, graphapi.Prefix+path, body)
		var answer struct {
			Error *struct{ Code, Message string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("%v in %s", err, w.Body)
		}
		if (w.Code == 200) != (answer.Error == nil) || (answer.Error != nil && (answer.Error.Code == "" || answer.Error.Message == "")) {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	})
}
