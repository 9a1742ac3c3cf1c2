package auth_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/presence-gateway/presence-gateway/gateway/auth"
)

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// Whatever is presented, nothing gets in but the very tokens that were issued, and nothing of it is repeated.
func FuzzToken(f *testing.F) {
	w := newWorld(f, nil)
	good := w.mint(w.person())
	w.let(good)
	parts := strings.Split(good, ".")
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	for _, forged := range forge(w) {
		if len(forged.text) < 4096 {
			f.Add(forged.text, false)
		}
	}
	f.Add(good, false)
	f.Add(string(payload), true)
	f.Add(`{"alg":"RS256"}`, true)
	f.Fuzz(func(t *testing.T, text string, signed bool) {
		if signed { // any payload, under a good signature
			var err error
			if text, err = w.MintText(`{"alg":"RS256","kid":"`+w.KeyID()+`"}`, text); err != nil {
				t.Fatal(err)
			}
		}
		p, err := w.v.Authenticate(t.Context(), bearer(text))
		if err == nil {
			if text != good && !signed || p.Subject == "" || p.Expires.IsZero() || p.Anonymous || p.Key != "" {
				t.Fatalf("let in as %+v with %q", p, text)
			}
			return
		}
		if r, ok := auth.Refused(err); !ok || r.Reason == "" || r.Remedy == "" || len(text) > 40 && strings.Contains(err.Error(), text) {
			t.Fatalf("%q: %v", text, err)
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
