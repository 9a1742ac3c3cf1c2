package graph_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller/graph"
)

var team = id("00000000-0000-0000-0000-00000000a11a")

func TestMembersOverPages(t *testing.T) {
	for _, names := range []bool{false, true} {
		selected := "id"
		if names {
			selected = "id,displayName,department,jobTitle,mail"
		}
		client := connect(t, graph.Options{}, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v1.0/groups/"+team.String() {
				if !names || r.URL.RawQuery != "$select=id,displayName" {
					t.Errorf("unasked: %v", r.URL)
				}
				saying(200, `{"id":"`+team.String()+`","displayName":"Sales"}`)(w, r)
				return
			}
			if want := "/v1.0/groups/" + team.String() + "/transitiveMembers/microsoft.graph.user"; r.URL.Path != want || r.Method != "GET" {
				t.Errorf("got %s %s", r.Method, r.URL.Path)
			}
			if r.Header.Get("ConsistencyLevel") != "eventual" {
				t.Error("no ConsistencyLevel: the cast is refused without")
			}
			link := "http://" + r.Host + r.URL.Path + "?$skiptoken="
			switch r.URL.RawQuery {
			case "$select=" + selected + "&$top=999&$count=true":
				saying(200, `{"@odata.count":3,"@odata.nextLink":"`+link+`a%2Fb%20c","value":[
					{"id":"`+strings.ToUpper(anna.String())+`","displayName":"Anna","department":null,"jobTitle":"Lead","mail":"anna@example.com"},
					{"id":"device"},{"id":"`+bert.String()+`","displayName":null}]}`)(w, r)
			case "$skiptoken=a%2Fb%20c":
				saying(200, `{"@odata.nextLink":"`+link+`2","value":[]}`)(w, r)
			case "$skiptoken=2":
				saying(200, `{"value":[{"id":"`+cleo.String()+`","displayName":"Cleo"},{"id":"`+anna.String()+`","displayName":"Anna","jobTitle":"Head"}]}`)(w, r)
			default:
				t.Errorf("got %s", r.URL.RawQuery)
			}
		})
		group, people, err := client.Members(t.Context(), team, names)
		if err != nil {
			t.Fatal(err)
		}
		if want := []presence.ID{cleo, bert, anna}; group.ID != team || !slices.Equal(group.Members, want) {
			t.Errorf("names %v: got %+v, want %v", names, group, want)
		}
		if !names {
			if group.DisplayName != "" || people != nil {
				t.Errorf("names not asked for: got %q, %v", group.DisplayName, people)
			}
			continue
		}
		want := []presence.Person{{ID: cleo, DisplayName: "Cleo"}, {ID: bert}, {ID: anna, DisplayName: "Anna", JobTitle: "Head"}}
		if group.DisplayName != "Sales" || !slices.Equal(people, want) {
			t.Errorf("got %q, %+v", group.DisplayName, people)
		}
	}
}

func TestNamesNotGranted(t *testing.T) {
	client := connect(t, graph.Options{}, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, team.String()) {
			saying(403, `{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges"}}`)(w, r)
			return
		}
		saying(200, `{"value":[{"id":"`+anna.String()+`","displayName":null}]}`)(w, r)
	})
	group, people, err := client.Members(t.Context(), team, true)
	if err != nil || group.DisplayName != "" || len(group.Members) != 1 || people != nil {
		t.Errorf("got %+v, %v, %v", group, people, err)
	}
}

func TestMembersRefused(t *testing.T) {
	elsewhere := connectURL(t, func(http.ResponseWriter, *http.Request) { t.Error("the token was carried elsewhere") })
	for name, tc := range map[string]struct{ body, says string }{
		"another host":   {`{"@odata.nextLink":"` + elsewhere + `/v1.0/x","value":[]}`, "a token is not carried there"},
		"another scheme": {`{"@odata.nextLink":"https://HOST/v1.0/x","value":[]}`, "a token is not carried there"},
		"no host":        {`{"@odata.nextLink":"/v1.0/x","value":[]}`, "a token is not carried there"},
		"with a user":    {`{"@odata.nextLink":"http://a:b@HOST/v1.0/x","value":[]}`, "a token is not carried there"},
		"no URL":         {`{"@odata.nextLink":"http://[::","value":[]}`, "no URL"},
		"itself":         {`{"@odata.nextLink":"http://HOSTPATH","value":[]}`, "this one"},
		"no list":        {`{"displayName":"Sales"}`, "no list"},
		"not JSON":       {`{"value":[`, "not the JSON"},
		"numbers":        {`{"value":[{"id":7}]}`, "not the JSON"},
	} {
		client := connect(t, graph.Options{}, func(w http.ResponseWriter, r *http.Request) {
			body := strings.ReplaceAll(tc.body, "HOSTPATH", r.Host+r.URL.RequestURI())
			saying(200, strings.ReplaceAll(body, "HOST", r.Host))(w, r)
		})
		_, _, err := client.Members(t.Context(), team, false)
		if failure := asError(t, err); !strings.Contains(err.Error(), tc.says) || failure.Op != "read group members" || !failure.Answered {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestEndlessPagesEnd(t *testing.T) {
	pages := 0
	client := connect(t, graph.Options{}, func(w http.ResponseWriter, r *http.Request) {
		pages++
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"value":[],"@odata.nextLink":"http://%s/v1.0/x?page=%d"}`, r.Host, pages)
	})
	_, _, err := client.Members(t.Context(), team, false)
	if err == nil || pages != 4096 {
		t.Errorf("%d pages, %v", pages, err)
	}
}

func TestLargePageIsRefused(t *testing.T) {
	client := connect(t, graph.Options{MaxAnswerBytes: 1000}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"value":[]`+strings.Repeat(" ", 1000)+`}`)
	})
	if _, _, err := client.Members(t.Context(), team, false); err == nil || !strings.Contains(err.Error(), "larger than 1000 bytes") {
		t.Errorf("got %v", err)
	}
}

func TestLargePagesTogetherAreRefused(t *testing.T) {
	pages := 0
	client := connect(t, graph.Options{MaxAnswerBytes: 1000}, func(w http.ResponseWriter, r *http.Request) {
		pages++
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"value":[],"@odata.nextLink":"http://%s/v1.0/x?page=%d","x":"%s"}`, r.Host, pages, strings.Repeat("x", 900))
	})
	_, _, err := client.Members(t.Context(), team, false)
	if err == nil || !strings.Contains(err.Error(), "64000 bytes together") || pages > 72 {
		t.Errorf("%d pages, %v", pages, err)
	}
}

func TestThrottledDirectory(t *testing.T) {
	client := connect(t, graph.Options{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "7")
		saying(429, fixture(t, "throttled.json"))(w, r)
	})
	_, _, err := client.Members(t.Context(), team, true)
	if failure := asError(t, err); failure.Status != 429 || failure.RetryAfter.Seconds() != 7 {
		t.Errorf("got %+v", failure)
	}
	_, err = client.People(t.Context(), []presence.ID{anna})
	if failure := asError(t, err); failure.Status != 429 || failure.RetryAfter.Seconds() != 7 {
		t.Errorf("got %+v", failure)
	}
}
