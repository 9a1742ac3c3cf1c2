package main_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/presence-gateway/presence-gateway"

// arrows is who may import whom among our own packages. What is not listed may import nothing of ours. See
// ARCHITECTURE.md; .golangci.yml says the same to editors.
var arrows = map[string][]string{
	"internal/presence":             {},
	"internal/graphsim":             {"internal/presence"},
	"internal/config":               {"internal/presence", "internal/trust"},
	"internal/trust":                {},
	"internal/redistest":            {},
	"docs/redis/reader/go":          {},
	"poller":                        {"internal/presence", "poller/budget", "poller/graph", "poller/plan"},
	"poller/budget":                 {"internal/presence"},
	"poller/credential":             {"internal/trust", "poller/graph"},
	"poller/graph":                  {"internal/presence", "internal/trust"},
	"poller/plan":                   {"internal/presence"},
	"hub":                           {"internal/presence"},
	"gateway":                       {"gateway/auth", "gateway/describe", "gateway/graphapi", "gateway/wire", "hub", "internal/presence", "web"},
	"gateway/auth":                  {"internal/presence", "internal/trust"},
	"gateway/graphapi":              {"internal/presence"},
	"hub/fleet":                     {"hub", "internal/presence"},
	"hub/fleet/redis":               {"hub", "hub/fleet", "internal/presence"},
	"gateway/client":                {"gateway/wire"},
	"gateway/describe":              {},
	"gateway/describe/describetest": {"gateway/describe"},
	"gateway/wire":                  {"internal/presence"},
	"web":                           {},
	"cmd/presence-gateway":          {"*"},
}

func TestArrows(t *testing.T) {
	command := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	command.Dir = "../.."
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	seen := 0
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; seen++ {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		for _, broken := range brokenArrows(strings.TrimPrefix(p.ImportPath, module+"/"), p.Imports) {
			t.Error(broken)
		}
	}
	if seen < 8 {
		t.Errorf("go list knows %d packages only", seen)
	}
}

func brokenArrows(from string, imports []string) (broken []string) {
	allowed := map[string]bool{}
	for _, to := range arrows[from] {
		allowed[to] = true
	}
	for _, path := range imports {
		to, ours := strings.CutPrefix(path, module+"/")
		if ours && !allowed[to] && !allowed["*"] {
			broken = append(broken, from+" imports "+to+", which the house does not allow")
		}
	}
	return broken
}

func TestBrokenArrowsAreSeen(t *testing.T) {
	for from, to := range map[string]string{"poller": "hub", "hub": "poller", "gateway": "poller", "internal/presence": "hub",
		"hub/newroom": "internal/presence", "web": "gateway", "internal/config": "cmd/presence-gateway"} {
		if got := brokenArrows(from, []string{"fmt", module + "/" + to}); len(got) != 1 {
			t.Errorf("%s imports %s: got %q", from, to, got)
		}
	}
}
