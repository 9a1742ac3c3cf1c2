package graph_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/presence-gateway/presence-gateway/poller/graph"
)

func TestClaimsOfChallenges(t *testing.T) {
	const documented = `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnsiYWNycyI6eyJlc3NlbnRpYWwiOnRydWUsInZhbHVlIjoiY3AxIn19fQ=="`
	const decoded = `{"access_token":{"acrs":{"essential":true,"value":"cp1"}}}`
	for _, row := range []struct{ header, want string }{
		{documented, decoded},
		{strings.TrimRight(documented, `="`) + `"`, decoded},
		{strings.Replace(documented, "Bearer", "bearer", 1), decoded},
		{strings.Replace(documented, `"insufficient_claims"`, "insufficient_claims", 1), decoded},
		{strings.Replace(documented, "insufficient_claims", "invalid_token", 1), ""},
		{strings.Replace(documented, "Bearer", "PoP", 1), ""},
		{strings.Replace(documented, "eyJ", "", 1), ""},
		{`Bearer error="insufficient_claims"`, ""},
		{`Bearer error="insufficient_claims", claims="bnVsbA=="`, ""}, // null
		{`Bearer error="insufficient_claims`, ""},
		{"Bearer", ""},
		{"", ""},
	} {
		got, ok := graph.Claims(http.Header{"Www-Authenticate": {"Negotiate", row.header}})
		if got != row.want || ok != (row.want != "") {
			t.Errorf("%q: got %q, want %q", row.header, got, row.want)
		}
	}
}

func FuzzChallenge(f *testing.F) {
	f.Add(`Bearer realm="", error="insufficient_claims", claims="e30="`)
	f.Add(`Bearer a=b,,c="d`)
	f.Fuzz(func(t *testing.T, line string) {
		if claims, ok := graph.ParseChallenge(line); ok == (claims == "") {
			t.Errorf("got %q, %v", claims, ok)
		}
	})
}
