package config_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/presence-gateway/presence-gateway/internal/config"
)

// Every kind with what it needs, and no word about it.
func TestCredentialKinds(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "content")
	for _, row := range []struct{ text, variable, notice string }{
		{"{tenant_id: t, client_id: c, client_secret_file: FILE}", "", ""}, // client_secret is the default
		{"{kind: client_secret, tenant_id: t, client_id: c, authority: \"https://login.example\"}", "PRESENCE_GRAPH_CREDENTIAL_CLIENT_SECRET=s3cret", ""},
		{"{kind: client_secret, tenant_id: t, client_id: c, client_secret_file: /nowhere}", "PRESENCE_GRAPH_CREDENTIAL_CLIENT_SECRET=s3cret", ""},
		{"{kind: client_certificate, tenant_id: t, client_id: c, certificate_file: FILE, certificate_password_file: FILE}", "", ""},
		{"{kind: client_certificate, tenant_id: t, client_id: c, certificate_file: FILE}", "PRESENCE_GRAPH_CREDENTIAL_CERTIFICATE_PASSWORD=p", ""},
		{"{kind: managed_identity}", "", ""},
		{"{kind: managed_identity, client_id: c}", "", ""},
		{"{kind: workload_identity}", "", ""},
		{"{kind: azure_default}", "", ""},
		{"{kind: device_code, tenant_id: t, client_id: c}", "", ""},
		{"{kind: token_file, token_file: FILE}", "", ""},
		{"{kind: managed_identity, tenant_id: t}", "", "graph.credential.tenant_id has no effect: a credential of kind managed_identity does not use it"},
		{"{kind: token_file, token_file: FILE, client_secret_file: FILE}", "", "graph.credential.client_secret_file has no effect"},
		{"{kind: device_code, tenant_id: t, client_id: c, token_file: FILE}", "", "graph.credential.token_file has no effect"},
	} {
		text := lay(least(t), "graph.credential: "+strings.ReplaceAll(row.text, "FILE", file))
		_, notices, err := config.Parse("c.yaml", []byte(text), []string{row.variable})
		if err != nil || (row.notice == "") != (len(notices) == 0) || !strings.Contains(strings.Join(notices, "\n"), row.notice) {
			t.Errorf("%s: %v, notices %q", row.text, err, notices)
		}
	}
}

func TestSecretFromEnvironment(t *testing.T) {
	text := lay(least(t), "graph.credential: {tenant_id: t, client_id: c}")
	for variable, want := range map[string]string{
		"PRESENCE_GRAPH_CREDENTIAL_CLIENT_SECRET=hunter 2": "PRESENCE_GRAPH_CREDENTIAL_CLIENT_SECRET: holds characters that no client secret has",
		"PRESENCE_GRAPH_CREDENTIAL_CLIENT_SECRET=":         "or set PRESENCE_GRAPH_CREDENTIAL_CLIENT_SECRET",
	} {
		_, _, err := config.Parse("c.yaml", []byte(text), []string{variable})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s: got %v", variable, err)
		}
	}
	_, _, err := config.Parse("c.yaml", []byte(text), []string{"PRESENCE_GRAPH_CREDENTIAL_CLIENT_SECRET=s", "PRESENCE_GRAPH_CREDENTIAL_CLIENT_SECRET_FILE=f"})
	if err == nil || !strings.Contains(err.Error(), "two of them are given, the other by PRESENCE_GRAPH_CREDENTIAL_CLIENT_SECRET_FILE: keep one") {
		t.Errorf("got %v", err)
	}
}

// What another part of the program refuses has its line like everything else.
func TestJudge(t *testing.T) {
	judge := config.Judge{Part: "graph", Find: func(c *config.Config) config.Problems {
		return config.Problems{{Key: "graph.credential.kind", Text: "is not for " + c.Graph.Cloud}}
	}}
	other := config.Judge{Part: "gateway.auth", Find: func(*config.Config) config.Problems {
		return config.Problems{{File: "keys.yaml", Line: 7, Text: "is no key"}}
	}}
	_, _, err := config.Parse("c.yaml", []byte(least(t)), nil, judge)
	if err == nil || err.Error() != "c.yaml:2: graph.credential.kind: is not for global" {
		t.Errorf("got %v", err)
	}
	_, _, err = config.Parse("c.yaml", []byte(lay(least(t), "graph.cloud: mars")), nil, judge)
	if err == nil || strings.Contains(err.Error(), "is not for") {
		t.Errorf("asked though graph is broken: %v", err)
	}
	_, _, err = config.Parse("c.yaml", []byte(lay(least(t), "graph.cloud: mars")), nil, judge, other)
	if err == nil || !strings.Contains(err.Error(), "\nkeys.yaml:7: is no key") {
		t.Errorf("another part is not asked, or its file is not named: %v", err)
	}
}
