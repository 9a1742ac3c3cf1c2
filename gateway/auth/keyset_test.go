package auth_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/presence-gateway/presence-gateway/gateway/auth"
)

// Only keys that are safe, and meant for this, count.
func TestKeySets(t *testing.T) {
	var body atomic.Value
	var status atomic.Int32
	status.Store(http.StatusOK)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(int(status.Load()))
		io.WriteString(w, body.Load().(string))
	}))
	defer server.Close()
	v := newVerifier(t, auth.Options{JWT: auth.JWT{Issuer: "https://id.test", Audience: "a", JWKSURL: server.URL}})
	text := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }
	modulus := keys()[0].N
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	long := new(big.Int).Lsh(modulus, 8200)
	jwk := func(change map[string]any) string {
		all := map[string]any{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "k", "n": text(modulus), "e": "AQAB"}
		maps.Copy(all, change)
		maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
		line, _ := json.Marshal(all)
		return string(line)
	}
	type m = map[string]any
	good := jwk(m{"kid": "good"})
	for name, row := range map[string]struct {
		key    string
		usable bool
	}{
		"usual":                      {jwk(nil), true},
		"without use and alg":        {jwk(m{"use": nil, "alg": nil}), true},
		"to verify":                  {jwk(m{"key_ops": []string{"verify"}}), true},
		"padded":                     {jwk(m{"e": "AQAB=="}), true},
		"to encrypt":                 {jwk(m{"use": "enc"}), false},
		"for another algorithm":      {jwk(m{"alg": "RS512"}), false},
		"to sign":                    {jwk(m{"key_ops": []string{"sign"}}), false},
		"a curve":                    {jwk(m{"kty": "EC"}), false},
		"a secret":                   {jwk(m{"kty": "oct", "k": "c2VjcmV0"}), false},
		"a private key":              {jwk(m{"d": "AQAB"}), false},
		"without a name":             {jwk(m{"kid": nil}), false},
		"an endless name":            {jwk(m{"kid": strings.Repeat("k", 257)}), false},
		"1,024 bits":                 {jwk(m{"n": text(short.N)}), false},
		"10,000 bits":                {jwk(m{"n": text(new(big.Int).SetBit(long, 0, 1))}), false},
		"an even modulus":            {jwk(m{"n": text(new(big.Int).Sub(modulus, big.NewInt(1)))}), false},
		"exponent 1":                 {jwk(m{"e": "AQ"}), false},
		"exponent 0":                 {jwk(m{"e": ""}), false},
		"an even exponent":           {jwk(m{"e": "AQAA"}), false},
		"a large exponent":           {jwk(m{"e": text(big.NewInt(1<<32 + 1))}), false},
		"an exponent over 31 bits":   {jwk(m{"e": text(big.NewInt(1<<31 + 1))}), false},
		"no base64":                  {jwk(m{"n": "!"}), false},
		"a name that is no text":     {jwk(m{"kid": 7}), false},
		"a text instead of a key":    {`"RSA"`, false},
		"nothing instead of a key":   {`null`, false},
		"a modulus that is a number": {jwk(m{"n": 7}), false},
	} {
		// What is not usable is passed over, and does not spoil its neighbours.
		body.Store(`{"keys":[` + row.key + `,` + good + `]}`)
		got, err := v.FetchKeys(t.Context())
		if err != nil || (got.Usable == 2) != row.usable {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	many := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, jwk(m{"kid": fmt.Sprint(i)}))
		}
		return `{"keys":[` + strings.Join(all, ",") + `]}`
	}
	body.Store(many(256))
	if got, err := v.FetchKeys(t.Context()); err != nil || got.Usable != 256 {
		t.Errorf("256 keys: %+v, %v", got, err)
	}
	for want, text := range map[string]string{
		"it holds 257 keys": many(257), "no key in it can verify": `{"keys":[` + jwk(m{"use": "enc"}) + `]}`, "it is no JSON Web Key Set": `<html>`,
		"more than 1 MiB": `{"keys":[` + good + `]}` + strings.Repeat(" ", 1<<20),
	} {
		body.Store(text)
		if _, err := v.FetchKeys(t.Context()); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), server.URL) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	body.Store(`{"keys":[` + good + `]}`)
	for _, code := range []int32{201, 203, 404, 500} {
		status.Store(code)
		if _, err := v.FetchKeys(t.Context()); err == nil || !strings.Contains(err.Error(), fmt.Sprint("it answered ", code)) {
			t.Errorf("a set under %d: %v", code, err)
		}
	}
}

// Redirections are followed a few times, and off the secured path never.
func TestRedirections(t *testing.T) {
	var asked atomic.Int32
	var hops int32
	set := newWorld(t, nil).set()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) <= hops {
			http.Redirect(w, r, "/again", http.StatusFound)
			return
		}
		w.Write(set)
	}))
	defer server.Close()
	v := newVerifier(t, auth.Options{JWT: auth.JWT{Issuer: "https://id.test", Audience: "a", JWKSURL: server.URL}})
	for _, hops = range []int32{0, 3, 4} {
		asked.Store(0)
		if _, err := v.FetchKeys(t.Context()); (err == nil) != (hops <= 3) {
			t.Errorf("%d redirections: %v", hops, err)
		}
	}
	off := httptest.NewServer(http.RedirectHandler("http://presence.invalid/keys", http.StatusFound))
	defer off.Close()
	v = newVerifier(t, auth.Options{JWT: auth.JWT{Issuer: "https://id.test", Audience: "a", JWKSURL: off.URL}})
	if _, err := v.FetchKeys(t.Context()); err == nil || !strings.Contains(err.Error(), "want https") {
		t.Errorf("off the secured path: %v", err)
	}
}

// However many tokens come, few are remembered.
func TestRememberedTokensAreBounded(t *testing.T) {
	v := newVerifier(t, auth.Options{})
	if n := auth.Remember(v, 10_000); n < 2048 || n > 4096 {
		t.Errorf("%d are remembered", n)
	}
}
