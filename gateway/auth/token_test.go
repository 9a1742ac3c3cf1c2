package auth_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway/auth"
)

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// Whatever is presented, nothing gets in but the very tokens that were issued, and nothing of it is repeated. Whatever a
// payload says under a good signature, it names one caller clearly or is refused.
func FuzzToken(f *testing.F) {
	w := newWorld(f, nil)
	good := w.mint(w.person())
	for _, forged := range forge(w) {
		if len(forged.text) < 2048 {
			f.Add(forged.text)
		}
		if parts := strings.Split(forged.text, "."); len(parts) == 3 && len(parts[1]) < 2048 {
			payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
			f.Add(string(payload))
		}
	}
	f.Add(good)
	offline, err := auth.Offline(auth.Options{JWT: accepting(w.Authority, w.root)}, w.set())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := offline.Authenticate(t.Context(), bearer(text))
		if err == nil && text != good {
			t.Fatalf("let in as %+v with %q", p, text)
		}
		if r, ok := auth.Refused(err); err != nil && (!ok || r.Reason == "" || r.Remedy == "" || len(text) > 40 && strings.Contains(err.Error(), text)) {
			t.Fatalf("%q: %v", text, err)
		}
		p, err = auth.JudgePayload(offline, []byte(text))
		if err == nil && (p.Expires.Before(time.Now().Add(-auth.Skew)) || p.Anonymous || p.Key != "" ||
			!strings.HasPrefix(p.Subject, "app:"+w.TenantID()+":") && p.Subject != "user:"+w.TenantID()+":"+p.User.String()) {
			t.Fatalf("%q: %+v", text, p)
		}
	})
}

// Whatever a file holds, it gives keys or is refused with its place, and no hash is repeated.
func FuzzKeysFile(f *testing.F) {
	for _, seed := range []string{entry("a", "a"), "[]", "- {name: &a x, sha256: *a}\n", "- name: |\n    x\n  sha256: 1e9\n", "? [a]\n: b\n", "- <<: {name: x}\n", "---\n...\n", "- !!str x", "\ufeff- {}", "- {\"name\": \"a\", \"sha256\": \"" + hashOf("b") + "\"}"} {
		f.Add([]byte(seed))
	}
	path := filepath.Join(f.TempDir(), "keys")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		v, err := auth.New(auth.Options{KeysFile: path})
		switch {
		case err == nil && v.APIKeys() > 0:
			for name := range v.KeyNames() {
				if name == "" || len(name) > 128 {
					t.Fatalf("the name %q", name)
				}
			}
		case err != nil && !strings.Contains(err.Error(), path):
			t.Fatalf("an error without its place: %v", err)
		case err != nil && strings.Contains(err.Error(), hashOf("b")):
			t.Fatalf("a hash is repeated: %v", err)
		}
	})
}
