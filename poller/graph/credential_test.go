package graph_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller/graph"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// age makes a file old enough to be believed unchanged.
func age(t *testing.T, path string, by time.Duration) {
	t.Helper()
	at := time.Now().Add(-by)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func value(t *testing.T, c graph.Credential) string {
	t.Helper()
	token, err := c.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return token.Value
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestTokenFileIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	for name, change := range map[string]func(t *testing.T){
		"written over, same size": func(t *testing.T) { write(t, path, "  token-2\n"); age(t, path, time.Minute) },
		"written over at once":    func(t *testing.T) { write(t, path, "token-2\n") },
		"replaced, same size and time": func(t *testing.T) {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			write(t, path+"~", "token-2\r\n\n")
			if err := os.Chtimes(path+"~", info.ModTime(), info.ModTime()); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(path+"~", path); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, path, "token-1\r\n\n")
			age(t, path, time.Hour)
			credential := graph.TokenFile(path, graph.TokenFileOptions{})
			changed := credential.Changed()
			if got := value(t, credential); got != "token-1" {
				t.Fatalf("got %q", got)
			}
			if value(t, credential); closed(changed) {
				t.Error("the first look is told as a change")
			}
			change(t)
			if got := value(t, credential); got != "token-2" {
				t.Errorf("got %q", got)
			}
			if !closed(changed) || closed(credential.Changed()) {
				t.Error("the change is not told, or told twice")
			}
		})
	}
}

// TestTokenFileChangesWithinATick writes twice with the same size and, as far as the file system tells, at the same time.
func TestTokenFileChangesWithinATick(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	now := time.Now()
	credential := graph.TokenFile(path, graph.TokenFileOptions{})
	for _, token := range []string{"token-1", "token-2"} {
		write(t, path, token)
		if err := os.Chtimes(path, now, now); err != nil {
			t.Fatal(err)
		}
		if got := value(t, credential); got != token {
			t.Errorf("got %q, want %q", got, token)
		}
	}
}

// TestTokenFileOfAMountedSecret is how Kubernetes swaps: token -> ..data/token, ..data -> a folder.
func TestTokenFileOfAMountedSecret(t *testing.T) {
	dir := t.TempDir()
	for _, version := range []string{"1", "2"} {
		if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, version, "token"), "token-"+version)
		age(t, filepath.Join(dir, version, "token"), time.Hour)
	}
	link := func(target, name string) {
		t.Helper()
		if err := errors.Join(os.Symlink(target, filepath.Join(dir, "new")), os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, name))); err != nil {
			t.Fatal(err)
		}
	}
	link("1", "..data")
	link("..data/token", "token")
	credential := graph.TokenFile(filepath.Join(dir, "token"), graph.TokenFileOptions{})
	if got := value(t, credential); got != "token-1" {
		t.Fatalf("got %q", got)
	}
	changed := credential.Changed()
	link("2", "..data")
	if got := value(t, credential); got != "token-2" || !closed(changed) {
		t.Errorf("got %q", got)
	}
}

var badTokens = map[string]struct{ text, says string }{
	"empty":       {"", "empty"},
	"space alone": {" \n\t", "empty"},
	"two lines":   {"canary\ntoken", "more than one line"},
	"a header":    {"Bearer canary", `without "Bearer"`},
	"too large":   {strings.Repeat("canary", 11000), "larger than"},
	"binary":      {"can\x00ary", "no token has"},
	"not ASCII":   {"canary-ü", "no token has"},
}

func TestTokenFileRefused(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "token")
	for name, bad := range badTokens {
		write(t, path, bad.text)
		_, err := graph.TokenFile(path, graph.TokenFileOptions{}).Token(t.Context())
		if err == nil || !strings.Contains(err.Error(), bad.says) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := graph.TokenFile(dir, graph.TokenFileOptions{}).Token(t.Context()); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a folder: got %v", err)
	}
	if _, err := graph.TokenFile(filepath.Join(dir, "none"), graph.TokenFileOptions{}).Token(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: got %v", err)
	}
	write(t, path, strings.Repeat("x", 64<<10))
	if got := value(t, graph.TokenFile(path, graph.TokenFileOptions{})); len(got) != 64<<10 {
		t.Errorf("the largest: got %d bytes", len(got))
	}
}

func TestBrokenTokenFileKeepsTheOldToken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	core, logs := observer.New(zap.DebugLevel)
	write(t, path, "token-1")
	credential := graph.TokenFile(path, graph.TokenFileOptions{Log: zap.New(core)})
	value(t, credential)
	changed := credential.Changed()
	for name, bad := range badTokens {
		write(t, path, bad.text)
		for range 3 {
			if got := value(t, credential); got != "token-1" {
				t.Errorf("%s: got %q", name, got)
			}
		}
		if n := logs.FilterLevelExact(zapcore.WarnLevel).Len(); n != 1 {
			t.Errorf("%s: reported %d times", name, n)
		}
		for _, entry := range logs.TakeAll() {
			if strings.Contains(fmt.Sprint(entry.ContextMap()), "canary") {
				t.Errorf("%s: the log holds the token: %v", name, entry.ContextMap())
			}
		}
		if closed(changed) {
			t.Errorf("%s: told as a change", name)
		}
		write(t, path, "token-1")
		if value(t, credential); !closed(changed) {
			t.Errorf("%s: the end is not told", name)
		}
		changed = credential.Changed()
		logs.TakeAll()
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if got := value(t, credential); got != "token-1" || logs.FilterLevelExact(zapcore.WarnLevel).Len() != 1 {
		t.Errorf("removed: got %q, %d lines", got, logs.Len())
	}
}

// TestRunSeesAChange waits for real time: files live outside a synctest bubble's clock.
func TestRunSeesAChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	credential := graph.TokenFile(path, graph.TokenFileOptions{})
	if _, err := credential.Token(t.Context()); err == nil {
		t.Fatal("no file: want an error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	changed := credential.Changed()
	go func() { ended <- credential.Run(ctx) }()
	write(t, path, "token-1")
	select {
	case <-changed:
	case <-time.After(2 * time.Second):
		t.Error("not seen within 2 s")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestExpiry(t *testing.T) {
	jwt := func(claims string) string {
		return "eyJhbGciOiJub25lIn0." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
	}
	path := filepath.Join(t.TempDir(), "token")
	for token, want := range map[string]time.Time{
		jwt(`{"exp":1769851800}`):             time.Unix(1769851800, 0),
		jwt(`{"aud":"x","exp":1769851800.5}`): time.Unix(1769851800, 0),
		jwt(`{}`):                             {},
		jwt(`{"exp":"1769851800"}`):           {},
		jwt(`{"exp":-1}`):                     {},
		jwt(`{"exp":1e308}`):                  {},
		jwt(`{"exp":1e999}`):                  {},
		jwt(`[]`):                             {},
		"opaque":                              {},
		"a.b":                                 {},
		"a.%%%.c":                             {},
		"EwB.with.four.parts":                 {},
		jwt(`{"exp":1769851800}`) + ".five.parts": {},
	} {
		write(t, path, token)
		got, err := graph.TokenFile(path, graph.TokenFileOptions{}).Token(t.Context())
		if err != nil || !got.Expires.Equal(want) {
			t.Errorf("%.60s: got %v, %v, want %v", token, got.Expires, err, want)
		}
	}
}

func TestTokenDoesNotShow(t *testing.T) {
	var out bytes.Buffer
	secret := graph.Token{Value: "canary", Expires: time.Now()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%T %v"} {
		fmt.Fprintf(&out, verb+"\n", secret, &secret)
		fmt.Fprintf(&out, verb+"\n", struct{ T graph.Token }{secret}, []graph.Token{secret})
	}
	path := filepath.Join(t.TempDir(), "token")
	write(t, path, "canary")
	credential := graph.TokenFile(path, graph.TokenFileOptions{})
	client, err := graph.New(credential, graph.Options{})
	if value(t, credential); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&out, "%v %+v %#v %+v %#v", credential, credential, credential, client, client)
	fmt.Fprintln(&out, secret.String(), secret.GoString(), fmt.Errorf("x %v", secret))
	json.NewEncoder(&out).Encode(map[string]any{"a": secret, "b": &secret, "c": []any{struct{ T graph.Token }{secret}}})
	log := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(&out), zap.DebugLevel))
	log.Info("x", zap.Any("a", secret), zap.Any("b", &secret), zap.Reflect("c", secret), zap.Stringer("d", secret), zap.Any("e", []graph.Token{secret}))
	log.Sugar().Infow("x", "a", secret)
	log.Sugar().Infof("%+v", secret)
	for _, form := range []string{"canary", fmt.Sprintf("%x", "canary")} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the token shows as %s in\n%s", form, out.String())
		}
	}
}

// failing is a credential without a token.
type failing struct{ err error }

func (f failing) Token(context.Context) (graph.Token, error) { return graph.Token{}, f.err }

func TestNoTokenNoRequest(t *testing.T) {
	address := connectURL(t, func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") })
	for _, cause := range []error{nil, errors.New("login refused")} {
		client, err := graph.New(failing{cause}, graph.Options{BaseURL: address})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Read(t.Context(), []presence.ID{anna})
		failure := asError(t, err)
		if !errors.Is(err, graph.ErrCredential) || (cause != nil && !errors.Is(err, cause)) || failure.Answered || failure.ClientRequestID != "" {
			t.Errorf("got %+v", failure)
		}
	}
}
