package graph_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller/graph"
)

// query returns the parameters as a server sees them that takes a plus sign for what it is.
func query(t *testing.T, r *http.Request) (filter, fields string) {
	t.Helper()
	if strings.Contains(r.URL.RawQuery, "+") {
		t.Errorf("%s: a plus sign is no space everywhere", r.URL.RawQuery)
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || r.URL.Path != "/v1.0/users" || r.Method != "GET" {
		t.Errorf("got %s %s, %v", r.Method, r.URL, err)
	}
	return q.Get("$filter"), q.Get("$select")
}

func TestPeople(t *testing.T) {
	client := connect(t, graph.Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "page=2" {
			saying(200, `{"value":[{"id":"`+strings.ToUpper(bert.String())+`","displayName":"Bert"}]}`)(w, r)
			return
		}
		if filter, fields := query(t, r); filter != "id in ('"+anna.String()+"','"+bert.String()+"','"+cleo.String()+"')" || fields != "id,displayName,department,jobTitle,mail" {
			t.Errorf("got %q, %q", filter, fields)
		}
		saying(200, `{"@odata.nextLink":"http://`+r.Host+`/v1.0/users?page=2","value":[
			{"id":"`+anna.String()+`","displayName":"Anna","department":"Sales","jobTitle":null,"mail":"anna@example.com"},
			{"id":"`+anna.String()+`","displayName":"Again"},{"id":"`+team.String()+`","displayName":"Unasked"},{"id":"x"}]}`)(w, r)
	})
	got, err := client.People(t.Context(), []presence.ID{anna, bert, cleo})
	want := []presence.Person{{ID: anna, DisplayName: "Anna", Department: "Sales", Mail: "anna@example.com"}, {ID: bert, DisplayName: "Bert"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := client.People(t.Context(), nil); len(got) > 0 || err != nil {
		t.Errorf("nobody: got %v, %v", got, err)
	}
}

func TestFind(t *testing.T) {
	long := strings.Repeat("x", 120) + "@example.com"
	var asked []string
	client := connect(t, graph.Options{}, func(w http.ResponseWriter, r *http.Request) {
		filter, fields := query(t, r)
		if asked = append(asked, filter); fields != "id,mail,userPrincipalName" {
			t.Errorf("selected %q", fields)
		}
		switch len(asked) {
		case 1: // anna by mail; two claim the same
			saying(200, `{"value":[{"id":"`+anna.String()+`","mail":"ANNA+x@example.com","userPrincipalName":"o'brien@example.com"},
				{"id":"`+bert.String()+`","mail":"both@example.com"},{"id":"`+cleo.String()+`","mail":"both@example.com"}]}`)(w, r)
		case 2:
			saying(200, `{"value":[{"id":"`+cleo.String()+`","mail":null,"userPrincipalName":"O'Brien@example.com"}]}`)(w, r)
		default:
			t.Errorf("asked for %v", asked)
		}
	})
	got, err := client.Find(t.Context(), []string{"anna+x@example.com", "o'brien@example.com", "both@example.com", "none@example.com", long})
	if want := map[string]presence.ID{"anna+x@example.com": anna, "o'brien@example.com": cleo}; err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	if want := []string{
		"mail in ('anna+x@example.com','o''brien@example.com','both@example.com','none@example.com')",
		"userPrincipalName in ('o''brien@example.com','none@example.com')",
	}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q", asked)
	}
}

func TestFewUsersOnEndlessPages(t *testing.T) {
	pages := 0
	client := connect(t, graph.Options{}, func(w http.ResponseWriter, r *http.Request) {
		pages++
		saying(200, `{"value":[],"@odata.nextLink":"http://`+r.Host+`/v1.0/users?page=`+strings.Repeat("x", pages)+`"}`)(w, r)
	})
	if _, err := client.People(t.Context(), []presence.ID{anna}); err == nil || pages > 30 {
		t.Errorf("%d pages, %v", pages, err)
	}
}

func TestUsersRefused(t *testing.T) {
	for body, says := range map[string]string{
		`{"id":"x"}`:           "no list",
		`{"value":[{"id":7}]}`: "not the JSON",
		`{"value":[],"@odata.nextLink":"http://elsewhere.example/v1.0/users"}`: "a token is not carried there",
	} {
		client := connect(t, graph.Options{}, saying(200, body))
		_, err := client.Find(t.Context(), []string{"anna@example.com"})
		if failure := asError(t, err); !strings.Contains(err.Error(), says) || failure.Op != "read users" {
			t.Errorf("%s: got %v", body, err)
		}
	}
}
