package graph_test

import (
	"strings"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/poller/graph"
)

func TestEndpoints(t *testing.T) {
	for _, tc := range []struct{ cloud, base, want string }{
		{"", "", "https://graph.microsoft.com/v1.0"},
		{"global", "", "https://graph.microsoft.com/v1.0"},
		{"us-gov-l4", "", "https://graph.microsoft.us/v1.0"},
		{"us-gov-l5", "", "https://dod-graph.microsoft.us/v1.0"},
		{"us-gov-l5", "https://proxy.example.com", "https://proxy.example.com/v1.0"},
		{"", "https://proxy.example.com/graph/", "https://proxy.example.com/graph/v1.0"},
		{"", "https://proxy.example.com:8443//", "https://proxy.example.com:8443/v1.0"},
		{"", "http://127.0.0.1:9000", "http://127.0.0.1:9000/v1.0"},
		{"", "http://127.9.9.9", "http://127.9.9.9/v1.0"},
		{"", "http://[::1]:9000", "http://[::1]:9000/v1.0"},
		{"", "http://LocalHost:9000/", "http://LocalHost:9000/v1.0"},
	} {
		client, err := graph.New(fixed(token), graph.Options{Cloud: tc.cloud, BaseURL: tc.base})
		if err != nil {
			t.Errorf("%q %q: %v", tc.cloud, tc.base, err)
		} else if got := graph.Root(client); got != tc.want {
			t.Errorf("%q %q: got %s, want %s", tc.cloud, tc.base, got, tc.want)
		}
	}
}

func TestOptionsRefused(t *testing.T) {
	for says, o := range map[string]graph.Options{
		"offers no presence":             {Cloud: "china"},
		"china":                          {Cloud: "china", BaseURL: "https://proxy.example.com"},
		"unknown cloud \"mars\"":         {Cloud: "mars"},
		"use https":                      {BaseURL: "http://proxy.example.com"},
		"127.0.0.0/8":                    {BaseURL: "http://127.0.0.1.example.com"},
		"localhost":                      {BaseURL: "http://0.0.0.0:9000"},
		"want https://host":              {BaseURL: "ftp://proxy.example.com"},
		"\"graph.example.com\": want":    {BaseURL: "graph.example.com"},
		"\"https://\": want https":       {BaseURL: "https://"},
		"no URL":                         {BaseURL: "https://user:hunter2@[::1"},
		"user name or password":          {BaseURL: "https://user:hunter2@proxy.example.com"},
		"no query":                       {BaseURL: "https://proxy.example.com?x=1"},
		"leave out /v1.0":                {BaseURL: "https://proxy.example.com/v1.0/"},
		"unknown kind of read \"delta\"": {Kind: "delta"},
		"negative":                       {Timeout: -time.Second},
	} {
		_, err := graph.New(fixed(token), o)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%+v: got %v, want it to say %q", o, err, says)
		}
	}
	if _, err := graph.New(nil, graph.Options{}); err == nil {
		t.Error("no credential: want an error")
	}
}
