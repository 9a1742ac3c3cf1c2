package credential_test

import (
	"encoding/base64"
	"errors"
	"testing"

	"github.com/presence-gateway/presence-gateway/poller/credential"
)

func TestCloudsPair(t *testing.T) {
	const global, l4, l5 = "https://graph.microsoft.com/.default", "https://graph.microsoft.us/.default", "https://dod-graph.microsoft.us/.default"
	for _, row := range []struct {
		cloud, base, scope, authority string
		wantScope, wantAuthority      string // empty: refused
	}{
		{"", "", "", "", global, "https://login.microsoftonline.com"},
		{"global", "", "", "", global, "https://login.microsoftonline.com"},
		{"us-gov-l4", "", "", "", l4, "https://login.microsoftonline.us"},
		{"us-gov-l5", "", "", "", l5, "https://login.microsoftonline.us"},
		{cloud: "china"},
		{cloud: "mars"},

		// Another endpoint leaves the scope as it is.
		{"global", "http://127.0.0.1:9000", "", "https://127.0.0.1:9001", global, "https://127.0.0.1:9001"},
		{"us-gov-l4", "https://proxy.test", "", "", l4, "https://login.microsoftonline.us"},
		{"global", "https://proxy.test", "api://proxy/.default", "", "api://proxy/.default", "https://login.microsoftonline.com"},
		{"global", "https://graph.microsoft.com", "", "https://login.windows.net/", global, "https://login.windows.net"},

		// What belongs to different clouds.
		{cloud: "global", base: "https://graph.microsoft.us"},
		{cloud: "global", base: "https://GRAPH.microsoft.US.:443"},
		{cloud: "global", base: "https://microsoftgraph.chinacloudapi.cn"},
		{cloud: "us-gov-l4", base: "https://graph.microsoft.com"},
		{cloud: "us-gov-l4", base: "https://canary.graph.microsoft.com"},
		{cloud: "us-gov-l4", base: "https://dod-graph.microsoft.us"},
		{cloud: "us-gov-l5", base: "https://graph.microsoft.us"},
		{cloud: "global", scope: l4},
		{cloud: "us-gov-l4", scope: global},
		{cloud: "us-gov-l4", base: "https://proxy.test", scope: l5},
		{cloud: "global", authority: "https://login.microsoftonline.us"},
		{cloud: "global", authority: "https://login.chinacloudapi.cn"},
		{cloud: "us-gov-l4", authority: "https://login.microsoftonline.com"},
		{cloud: "us-gov-l5", authority: "https://eastus.login.microsoft.com"},

		// What cannot be.
		{authority: "http://127.0.0.1:9001"},
		{authority: "https://login.microsoftonline.com/contoso"},
		{authority: "https://user:pw@login.test"},
		{authority: "login.microsoftonline.com"},
		{scope: "https://graph.microsoft.com/Presence.Read.All"},
		{scope: global + " " + l4},
		{base: "graph.microsoft.com"},
	} {
		o := credential.Options{Kind: credential.ClientSecret, TenantID: "t", ClientID: "c", ClientSecret: secret,
			Cloud: row.cloud, BaseURL: row.base, Scope: row.scope, Authority: row.authority}
		scope, login, err := credential.Paired(o)
		if scope != row.wantScope || err == nil && login != row.wantAuthority || (err == nil) != (row.wantScope != "") {
			t.Errorf("%+v: got %q, %q, %v", row, scope, login, err)
		}
		var e *credential.Error
		if err != nil && !errors.As(err, &e) {
			t.Errorf("%+v: got %T", row, err)
		}
	}
}

// The tools of azure_default are signed in to a cloud of their own.
func TestTokenOfAnotherCloudIsNotGivenOut(t *testing.T) {
	token := func(aud string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"aud":"`+aud+`"}`)) + ".x"
	}
	list := func(auds string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"aud":[`+auds+`]}`)) + ".x"
	}
	for _, row := range []struct {
		cloud, token string
		ok           bool
	}{
		{"global", token("https://graph.microsoft.com"), true},
		{"global", token("https://graph.microsoft.com/"), true},
		{"global", token("00000003-0000-0000-c000-000000000000"), true},
		{"global", "opaque", true},
		{"global", token("https://graph.microsoft.us"), false},
		{"us-gov-l4", token("https://graph.microsoft.com"), false},
		{"us-gov-l4", token("https://dod-graph.microsoft.us/"), false},
		{"us-gov-l5", token("https://dod-graph.microsoft.us"), true},
		{"global", list(`"https://graph.microsoft.us"`), false},
		{"global", list(`"https://graph.microsoft.us","https://graph.microsoft.com"`), true},
		{"global", list(`"x","https://graph.microsoft.us","%zz"`), false},
		{"global", list(``), true},
	} {
		if err := credential.Accepts(credential.Options{Cloud: row.cloud}, row.token); (err == nil) != row.ok {
			t.Errorf("%+v: got %v", row, err)
		}
	}
}
