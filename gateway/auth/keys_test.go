package auth_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/presence-gateway/presence-gateway/gateway/auth"
)

func hashOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

func entry(name, key string) string {
	return fmt.Sprintf("- {name: %s, sha256: %s}\n", name, hashOf(key))
}

func keysFile(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.yaml")
	write(t, path, text)
	return path
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func newVerifier(t testing.TB, o auth.Options) *auth.Verifier {
	t.Helper()
	v, err := auth.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func bearer(value string) auth.Credential { return auth.Credential{Kind: auth.Bearer, Value: value} }

// refused says why a credential is refused; empty if it is not.
func refused(t testing.TB, v *auth.Verifier, c auth.Credential) auth.Reason {
	t.Helper()
	p, err := v.Authenticate(t.Context(), c)
	if err == nil {
		return ""
	}
	r, ok := auth.Refused(err)
	if !ok {
		t.Fatalf("error %v is no refusal", err)
	}
	if p.Subject != "" || p.Anonymous || r.Remedy == "" {
		t.Errorf("refused with %+v and the remedy %q", p, r.Remedy)
	}
	if len(c.Value) > 3 && strings.Contains(err.Error(), c.Value) {
		t.Errorf("the error holds what was presented: %v", err)
	}
	return r.Reason
}

func TestNothingPresented(t *testing.T) {
	v := newVerifier(t, auth.Options{})
	if _, err := v.Authenticate(t.Context(), auth.Credential{}); !errors.Is(err, auth.ErrSignInRequired) {
		t.Errorf("got %v", err)
	}
	v = newVerifier(t, auth.Options{Anonymous: true})
	p, err := v.Authenticate(t.Context(), auth.Credential{})
	if err != nil || !p.Anonymous || p.SignedIn() || !v.Stands(p) {
		t.Errorf("got %+v, %v", p, err)
	}
	if _, err := v.Authenticate(t.Context(), bearer("")); err == nil || !strings.Contains(err.Error(), "Authorization: Bearer") {
		t.Errorf("an empty token: %v", err)
	}
	// What is wrong is refused, and does not become the anonymous caller.
	for _, c := range []auth.Credential{bearer("x"), bearer(""), {Kind: auth.Ticket, Value: "x"}, {Kind: auth.Either, Value: "pgt_x"}} {
		if refused(t, v, c) == "" {
			t.Errorf("%+v was let in", c.Kind)
		}
	}
}

func TestAPIKeys(t *testing.T) {
	v := newVerifier(t, auth.Options{KeysFile: keysFile(t, entry("wall", "first key")+entry("wall", "second key")+
		fmt.Sprintf("- sha256: %s # upper case, other order\n  name: \"crm\"\n", strings.ToUpper(hashOf("crm's"))))})
	for key, name := range map[string]string{"first key": "wall", "second key": "wall", "crm's": "crm"} {
		p, err := v.Authenticate(t.Context(), bearer(key))
		if err != nil || p.Key != name || p.Subject != "key:"+name || !p.User.IsZero() || !p.Expires.IsZero() || p.Anonymous || !v.Stands(p) {
			t.Errorf("%s: %+v, %v", key, p, err)
		}
	}
	for _, wrong := range []string{"", "wall", "first key ", hashOf("first key"), "third key", strings.Repeat("k", 16<<10)} {
		if why := refused(t, v, bearer(wrong)); why != auth.Malformed {
			t.Errorf("%.20q: refused for %q", wrong, why)
		}
	}
	if why := refused(t, v, bearer(strings.Repeat("k", 16<<10+1))); why != auth.TooLarge {
		t.Errorf("refused for %q", why)
	}
}

// A hash that could be read as a number or in another notation is taken as it is written.
func TestHashesThatLookLikeNumbers(t *testing.T) {
	for _, hash := range []string{strings.Repeat("1", 64), "0" + strings.Repeat("7", 63), "1e" + strings.Repeat("9", 62), "0b" + strings.Repeat("0", 62), strings.Repeat("9", 30) + "e" + strings.Repeat("9", 33)} {
		if _, err := auth.New(auth.Options{KeysFile: keysFile(t, "- {name: a, sha256: "+hash+"}\n")}); err != nil {
			t.Errorf("%s: %v", hash, err)
		}
	}
}

func TestBrokenKeysFiles(t *testing.T) {
	good := entry("a", "a")
	for text, want := range map[string]string{
		"":                     "holds no list",
		"# nothing\n":          "holds no list",
		"a: b\n":               ":1: want a list",
		"text":                 ":1: want a list",
		good + "- b\n":         ":2: want a list",
		good + "- [b]\n":       ":2: want a list",
		good + "- {name: b}\n": ":2: sha256 is missing",
		good + "- {sha256: " + hashOf("b") + "}\n":                        ":2: name is missing",
		good + "- {name: b, sha256: abc}\n":                               ":2: sha256: want 64 hexadecimal digits",
		good + "- {name: b, sha256: " + hashOf("b")[:63] + "g}\n":         ":2: sha256: want 64 hexadecimal digits",
		good + "- {name: b, sha256: " + hashOf("b") + "0}\n":              ":2: sha256: want 64 hexadecimal digits",
		good + "- {name: b, sha256: [" + hashOf("b") + "]}\n":             ":2: sha256: want a text",
		good + "- {name: b, sha256: }\n":                                  ":2: sha256: want 64 hexadecimal digits",
		good + "- {name: b, sha256: " + hashOf("") + "}\n":                ":2: sha256: this is the hash of nothing",
		good + "- {name: '', sha256: " + hashOf("b") + "}\n":              ":2: name: want a short text",
		good + "- {name: \"a\\nb\", sha256: " + hashOf("b") + "}\n":       ":2: name: want a short text",
		good + "- name: b\n  sha256: " + hashOf("b") + "\n  roles: [x]\n": ":4: \"roles\" is unknown",
		good + "- name: b\n  key: secret-itself\n":                        ":3: a key itself does not belong here",
		good + good: ":2: this hash stands in line 1 already",
		good + "- name: b\n  name: c\n  sha256: " + hashOf("b") + "\n": ":3: name is given twice",
		good + "---\n" + good:           ":3: a second document",
		good + "- {name: b\n":           "is not YAML",
		strings.Repeat("[", 5000):       "nested",
		strings.Repeat("- ", 5000):      "nested",
		strings.Repeat("# \n", 400_000): "larger than 1 MiB",
	} {
		path := keysFile(t, text)
		_, err := auth.New(auth.Options{KeysFile: path})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%.60q: got %v, want %q", text, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), hashOf("b")[:10]) || strings.Contains(err.Error(), "secret-itself")) {
			t.Errorf("the error quotes the file: %v", err)
		}
	}
	if _, err := auth.New(auth.Options{KeysFile: filepath.Join(t.TempDir(), "none")}); err == nil {
		t.Error("a missing file is taken")
	}
	if _, err := auth.New(auth.Options{KeysFile: t.TempDir()}); err == nil {
		t.Error("a folder is taken")
	}
	if _, err := auth.New(auth.Options{KeysFile: keysFile(t, "# "+strings.Repeat("-", 500)+"\n"+good)}); err != nil {
		t.Errorf("a rule of dashes: %v", err)
	}
	if _, err := auth.New(auth.Options{KeysFile: keysFile(t, "[]\n")}); err != nil {
		t.Errorf("no keys at all: %v", err)
	}
}

// following runs a verifier of API keys on a fake clock.
func following(t *testing.T, path string, then func(v *auth.Verifier, logs *observer.ObservedLogs)) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.DebugLevel)
		v := newVerifier(t, auth.Options{KeysFile: path, Log: zap.New(core)})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- v.Run(ctx) }()
		then(v, logs)
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// Rotation: a second key of the same name, then the first withdrawn. Who came with the first no longer stands, within 10 s.
func TestKeysFileIsFollowed(t *testing.T) {
	path := keysFile(t, entry("wall", "old"))
	following(t, path, func(v *auth.Verifier, logs *observer.ObservedLogs) {
		old, err := v.Authenticate(t.Context(), bearer("old"))
		if err != nil {
			t.Fatal(err)
		}
		changed := v.Changed()
		write(t, path, entry("wall", "old")+entry("wall", "new"))
		pass(5 * time.Second)
		select {
		case <-changed:
		default:
			t.Error("the change is not told")
		}
		renewed, err := v.Authenticate(t.Context(), bearer("new"))
		if err != nil || renewed.Subject != old.Subject || !v.Stands(old) {
			t.Fatalf("with the new key: %+v, %v", renewed, err)
		}
		changed = v.Changed()
		write(t, path, entry("wall", "new"))
		pass(5 * time.Second)
		select {
		case <-changed:
		default:
			t.Error("the withdrawal is not told")
		}
		if v.Stands(old) || !v.Stands(renewed) || refused(t, v, bearer("old")) == "" {
			t.Error("the old key lives on")
		}
		// A broken file leaves everything as it is, and is reported once, with its line.
		for _, broken := range []string{"", entry("wall", "new") + "- {name: x, sha256: short}\n"} {
			write(t, path, broken)
			pass(30 * time.Second)
			if !v.Stands(renewed) || refused(t, v, bearer("new")) != "" {
				t.Errorf("broken by %q", broken)
			}
		}
		if warned := logs.FilterLevelExact(zap.WarnLevel).All(); len(warned) != 2 || !strings.Contains(fmt.Sprint(warned[1].ContextMap()), path+":2: sha256") {
			t.Errorf("warned %v", warned)
		}
		os.Remove(path)
		pass(5 * time.Second)
		if !v.Stands(renewed) {
			t.Error("broken by the missing file")
		}
		write(t, path, "[]")
		pass(5 * time.Second)
		if v.Stands(renewed) || refused(t, v, bearer("new")) == "" {
			t.Error("no key is left, and it lives on")
		}
		for _, entry := range logs.All() {
			if text := fmt.Sprint(entry.Message, entry.ContextMap()); strings.Contains(text, hashOf("new")[:10]) {
				t.Errorf("logged %s", text)
			}
		}
	})
}

// A mounted secret is swapped by its symbolic link, and may keep size and time.
func TestKeysFileBehindASwappedLink(t *testing.T) {
	folder := t.TempDir()
	for _, version := range []string{"1", "2"} {
		os.Mkdir(filepath.Join(folder, version), 0o700)
		write(t, filepath.Join(folder, version, "keys"), entry("a", version))
		os.Chtimes(filepath.Join(folder, version, "keys"), time.Unix(1, 0), time.Unix(1, 0))
	}
	link, path := filepath.Join(folder, "data"), filepath.Join(folder, "keys")
	os.Symlink("1", link)
	os.Symlink(filepath.Join("data", "keys"), path)
	following(t, path, func(v *auth.Verifier, _ *observer.ObservedLogs) {
		os.Symlink("2", link+"2")
		if err := os.Rename(link+"2", link); err != nil {
			t.Fatal(err)
		}
		pass(5 * time.Second)
		if refused(t, v, bearer("2")) != "" || refused(t, v, bearer("1")) == "" {
			t.Error("the swap is not seen")
		}
	})
}

func TestCredentialIsNotShown(t *testing.T) {
	c := auth.Credential{Kind: auth.Either, Value: "canary"}
	holder := struct{ C auth.Credential }{c}
	for _, text := range []string{fmt.Sprint(c), fmt.Sprintf("%v %+v %#v %s %q", c, c, c, c, c), fmt.Sprintf("%v %+v %#v", holder, holder, holder), zap.Any("c", c).String} {
		if strings.Contains(text, "canary") {
			t.Errorf("shown: %s", text)
		}
	}
}
