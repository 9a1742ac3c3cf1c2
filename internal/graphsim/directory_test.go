package graphsim_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/presence-gateway/presence-gateway/internal/graphsim"
)

// follow reads a list page by page, by the whole and opaque link.
func follow(t *testing.T, c client, target string, headers ...string) (all []map[string]any, pages int) {
	t.Helper()
	for target != "" {
		o := c.ok("GET", target, "", headers...)
		all = append(all, values(t, o)...)
		next, _ := o["@odata.nextLink"].(string)
		if next != "" {
			u, err := url.Parse(next)
			if err != nil || !u.IsAbs() {
				t.Fatalf("next link is %q", next)
			}
		}
		target = next
		pages++
	}
	return all, pages
}

func TestGroupMembers(t *testing.T) {
	tenant, c := newClient(t, graphsim.Options{Users: 2500})
	eventual := []string{"ConsistencyLevel", "eventual"}
	groups := tenant.Groups()
	if len(groups) < 13 || groups[0].DisplayName != "All Staff" || len(groups[0].Members) != 2500 {
		t.Fatalf("%d groups, first %s of %d", len(groups), groups[0].DisplayName, len(groups[0].Members))
	}
	for _, g := range groups[:13] {
		target := "/v1.0/groups/" + g.ID + "/transitiveMembers/microsoft.graph.user?$select=id,displayName&$top=999&$count=true"
		first := c.ok("GET", target, "", eventual...)
		if n, _ := first["@odata.count"].(float64); int(n) != len(g.Members) {
			t.Errorf("%s: count is %v, want %d", g.DisplayName, first["@odata.count"], len(g.Members))
		}
		rows, pages := follow(t, c, target, eventual...)
		got := make([]string, len(rows))
		for i, row := range rows {
			got[i] = row["id"].(string)
			if row["displayName"] == "" || len(row) != 2 {
				t.Fatalf("selected row is %v", row)
			}
		}
		if !slices.Equal(got, g.Members) || pages != (len(g.Members)+998)/999 {
			t.Errorf("%s: %d members in %d pages, want %d", g.DisplayName, len(got), pages, len(g.Members))
		}
	}
	// A department's people are in teams: direct members are mostly groups.
	dep := groups[1]
	direct, _ := follow(t, c, "/v1.0/groups/"+dep.ID+"/members")
	sorts := map[any]int{}
	for _, row := range direct {
		sorts[row["@odata.type"]]++
	}
	if sorts["#microsoft.graph.group"] < 5 || sorts["#microsoft.graph.user"] != 1 {
		t.Errorf("direct members of %s are %v", dep.DisplayName, sorts)
	}
	everything, _ := follow(t, c, "/v1.0/groups/"+groups[0].ID+"/transitiveMembers?$top=500")
	sorts = map[any]int{}
	for _, row := range everything {
		sorts[row["@odata.type"]]++
	}
	if sorts["#microsoft.graph.group"] != len(groups)-1 || sorts["#microsoft.graph.user"] != 2500 || sorts["#microsoft.graph.device"] != 1 {
		t.Errorf("transitive members of all types: %v", sorts)
	}

	cast := "/v1.0/groups/" + dep.ID + "/transitiveMembers/microsoft.graph.user"
	if r := c.get(cast + "?$count=true"); r.status != 400 || r.code(t) != "Request_UnsupportedQuery" {
		t.Errorf("a cast without ConsistencyLevel: %d %s", r.status, r.body)
	}
	if r := c.get(cast, eventual...); r.status != 400 {
		t.Errorf("a cast without $count: %d", r.status)
	}
	c.faults(`{"emptyPages":true,"bareMembers":true}`)
	rows, pages := follow(t, c, cast+"?$count=true&$top=999", eventual...)
	if len(rows) != len(dep.Members) || pages != 2 || len(rows[0]) != 1 {
		t.Errorf("with an empty first page: %d rows in %d pages, row %v", len(rows), pages, rows[0])
	}
}

func TestMembershipChanges(t *testing.T) {
	tenant, c := newClient(t, graphsim.Options{Users: 60})
	g := tenant.Groups()[1]
	who := g.Members[len(g.Members)-1]
	members := func() int {
		rows, _ := follow(t, c, "/v1.0/groups/"+g.ID+"/transitiveMembers/microsoft.graph.user?$count=true", "ConsistencyLevel", "eventual")
		return len(rows)
	}
	n := members()
	c.ok("DELETE", "/sim/groups/"+g.ID+"/members/"+who, "")
	if got := members(); got != n-1 {
		t.Errorf("%d members, want %d", got, n-1)
	}
	c.ok("PUT", "/sim/groups/"+g.ID+"/members/"+who, "")
	if got := members(); got != n {
		t.Errorf("%d members, want %d", got, n)
	}
	if r := c.do("PUT", "/sim/groups/"+who+"/members/"+who, ""); r.status != 404 {
		t.Errorf("a user as a group: %d", r.status)
	}
}

func TestDirectoryReads(t *testing.T) {
	tenant, c := newClient(t, graphsim.Options{Users: 1200})
	p := tenant.People()[17]
	o := c.ok("GET", "/v1.0/users/"+p.ID+"?$select=id,displayName,department,jobTitle,mail", "")
	if o["id"] != p.ID || o["displayName"] != p.DisplayName || o["department"] != p.Department || o["jobTitle"] != p.JobTitle || o["mail"] != p.Mail {
		t.Errorf("got %v, want %+v", o, p)
	}
	if o := c.ok("GET", "/v1.0/users/"+url.PathEscape(p.Mail), ""); o["id"] != p.ID || o["department"] != nil {
		t.Errorf("by principal name: %v", o)
	}
	all, pages := follow(t, c, "/v1.0/users?$select=id&$top=500")
	if len(all) != 1200 || pages != 3 {
		t.Errorf("%d users in %d pages", len(all), pages)
	}
	if rows := values(t, c.ok("GET", "/v1.0/users", "")); len(rows) != 100 {
		t.Errorf("a page without $top is %d", len(rows))
	}
	engineers, _ := follow(t, c, "/v1.0/users?$select=id,department&$top=999&$filter="+url.QueryEscape("department eq 'Engineering'"))
	if len(engineers) < 150 || engineers[0]["department"] != "Engineering" {
		t.Errorf("%d engineers", len(engineers))
	}
	g := tenant.Groups()[3]
	if o := c.ok("GET", "/v1.0/groups/"+g.ID+"?$select=id,displayName", ""); o["displayName"] != g.DisplayName || len(o) != 3 {
		t.Errorf("group: %v", o)
	}
	if found, _ := follow(t, c, "/v1.0/groups?$filter="+url.QueryEscape("displayName eq 'Legal'")); len(found) != 1 {
		t.Errorf("groups by name: %v", found)
	}
	for target, want := range map[string]string{
		"/v1.0/users?$top=1000":                  "Invalid page size specified: '1000'. Must be between 1 and 999 inclusive.",
		"/v1.0/users?$top=0":                     "Must be between 1 and 999",
		"/v1.0/users?$select=shoeSize":           "Could not find a property named 'shoeSize' on type 'microsoft.graph.user'.",
		"/v1.0/users?$skiptoken=bad":             "page token",
		"/v1.0/users?$filter=shoeSize%20gt%2040": "filter",
		"/v1.0/nothing":                          "Resource not found for the segment 'nothing'.",
	} {
		r := c.get(target)
		if r.status != 400 || !strings.Contains(string(r.body), want) {
			t.Errorf("%s: %d %s", target, r.status, r.body)
		}
	}
	if r := c.get("/v1.0/users/00000000-0000-4000-8000-000000000000"); r.status != 404 || r.code(t) != "Request_ResourceNotFound" {
		t.Errorf("unknown user: %d %s", r.status, r.body)
	}
	if n := tenant.Stats().Reads; n != 0 {
		t.Errorf("directory calls count as %d presence reads", n)
	}
}

func TestFilters(t *testing.T) {
	p := graphsim.FirstPeople()[0]
	for text, want := range map[string][2]bool{
		"mail eq '" + p.Mail + "'":                             {true, true},
		"mail eq '" + strings.ToUpper(p.Mail) + "'":            {true, true},
		"mail eq 'x' or userPrincipalName eq '" + p.Mail + "'": {true, true},
		"id in ('x', '" + p.ID + "')":                          {true, true},
		"startswith(displayName, '" + p.GivenName + "')":       {true, true},
		"id in ('x'" + strings.Repeat(",'x'", 14) + ")":        {false, true},
		"id in ('x'" + strings.Repeat(",'x'", 15) + ")":        {false, false},
		"displayName eq 'O''Nobody'":                           {false, true},
		"displayName eq 'open":                                 {false, false},
		"displayName eq":                                       {false, false},
		"mail eq 'x' and mail eq 'y'":                          {false, false},
		"id in ('x'":                                           {false, false},
		"startswith(displayName, 'A'":                          {false, false},
		"":                                                     {false, false},
	} {
		if match, ok := graphsim.Filters(text, p); match != want[0] || ok != want[1] {
			t.Errorf("%s: match %v, understood %v", text, match, ok)
		}
	}
}

func TestHeaders(t *testing.T) {
	tenant, c := newClient(t, graphsim.Options{Users: 3, BaseURL: "https://graph.example/"})
	r := c.do("POST", batchPath, idsBody(ids(tenant)...), "client-request-id", "mine")
	if r.header.Get("client-request-id") != "mine" || len(r.header.Get("request-id")) != 36 || r.header.Get("OData-Version") != "4.0" ||
		r.header.Get("Content-Type") != "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8" ||
		r.header.Get("x-ms-ags-diagnostic") == "" {
		t.Errorf("headers are %v", r.header)
	}
	again := c.get("/v1.0/me/presence")
	if again.header.Get("request-id") == r.header.Get("request-id") {
		t.Error("two answers share a request-id")
	}
	o := c.ok("GET", "/v1.0/users?$top=1", "")
	if next := o["@odata.nextLink"].(string); !strings.HasPrefix(next, "https://graph.example/v1.0/users?") || !strings.Contains(next, "$skiptoken=") {
		t.Errorf("next link is %s", next)
	}
	if r := c.do("DELETE", "/v1.0/users/"+ids(tenant)[0]+"/presence", ""); r.status != http.StatusBadRequest {
		t.Errorf("a call Graph does not have: %d", r.status)
	}
}
