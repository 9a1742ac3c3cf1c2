package redistest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// toxiproxyVersion is the one that scripts/need.sh installs.
const toxiproxyVersion = "v2.12.0"

// Need skips the test where the programs of a real Redis are not installed. In CI that is a failure.
func Need(t testing.TB) {
	t.Helper()
	for _, program := range []string{"redis-server", "redis-sentinel"} {
		if _, err := exec.LookPath(program); err != nil {
			missing(t, program+" is not installed: scripts/need.sh redis")
		}
	}
}

func missing(t testing.TB, text string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(text)
	}
	t.Skip("SKIPPED: " + text)
}

// toxiproxy returns the program's path.
func toxiproxy(t testing.TB) string {
	t.Helper()
	if path, err := exec.LookPath("toxiproxy-server"); err == nil {
		return path
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		missing(t, err.Error())
	}
	path := filepath.Join(cache, "presence-gateway", "toxiproxy-"+toxiproxyVersion, "server")
	if _, err := os.Stat(path); err != nil {
		missing(t, "toxiproxy is not installed: scripts/need.sh toxiproxy")
	}
	return path
}
