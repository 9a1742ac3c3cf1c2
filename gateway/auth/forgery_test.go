package auth_test

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/presence-gateway/presence-gateway/gateway/auth"
)

// forgery is something that must not get in, and why it does not.
type forgery struct {
	name string
	want auth.Reason
	text string
}

// forge makes them all. Those that are signed by the issuer's own key stand for what the issuer gives to others, so that nothing
// but the check in question refuses them.
func forge(w *world) []forgery {
	var all []forgery
	add := func(want auth.Reason, name, text string) { all = append(all, forgery{name, want, text}) }
	now := time.Now()
	type m = map[string]any

	person := func(want auth.Reason, name string, claims m) {
		t := w.person()
		t.Claims = claims
		add(want, name, w.mint(t))
	}
	application := func(want auth.Reason, name string, claims m) {
		t := w.application()
		t.Claims = claims
		add(want, name, w.mint(t))
	}
	header := func(want auth.Reason, name string, changes m) {
		t := w.person()
		t.Header = changes
		add(want, name, w.mint(t))
	}
	good := w.mint(w.person())
	parts := strings.Split(good, ".")
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	plainHeader := `{"alg":"RS256","typ":"JWT","kid":"` + w.KeyID() + `"}`
	text := func(want auth.Reason, name, header, payload string) {
		signed, err := w.MintText(header, payload)
		if err != nil {
			w.Fatal(err)
		}
		add(want, name, signed)
	}
	with := func(member string) string { return strings.TrimSuffix(string(payload), "}") + "," + member + "}" }
	encode := base64.RawURLEncoding.EncodeToString
	var claims m
	if json.Unmarshal(payload, &claims) != nil {
		w.Fatal("the good token cannot be read")
	}
	signedBy := func(want auth.Reason, name string, method jwt.SigningMethod, key any, header m) {
		t := jwt.NewWithClaims(method, jwt.MapClaims(claims))
		t.Header["kid"] = w.KeyID()
		maps.Copy(t.Header, header)
		signed, err := t.SignedString(key)
		if err != nil {
			w.Fatalf("%s: %v", name, err)
		}
		add(want, name, signed)
	}

	// Algorithms.
	public := &keys()[0].PublicKey
	der, _ := x509.MarshalPKIXPublicKey(public)
	spki := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	for _, alg := range []string{"none", "None", "NONE", "nOnE", "", "RS384", "RS512", "PS256", "HS256", "ES256", "EdDSA", "rs256", "RS256 ", "RSA-OAEP", "RS1"} {
		header(auth.Algorithm, "signed with RS256 and called "+fmt.Sprintf("%q", alg), m{"alg": alg})
	}
	for _, alg := range []any{nil, 256, true, []string{"RS256"}, m{"a": "RS256"}} {
		text := map[bool]string{true: "left out", false: fmt.Sprintf("%v", alg)}[alg == nil]
		header(auth.Algorithm, "alg "+text, m{"alg": alg})
	}
	for _, secret := range [][]byte{spki, bytes.TrimSpace(spki), der, x509.MarshalPKCS1PublicKey(public), public.N.Bytes(), []byte(w.KeyID()), {}} {
		mac := hmac.New(sha256.New, secret)
		head := encode([]byte(`{"alg":"HS256","typ":"JWT","kid":"` + w.KeyID() + `"}`))
		mac.Write([]byte(head + "." + parts[1]))
		add(auth.Algorithm, fmt.Sprintf("HS256 with %d bytes of the public key", len(secret)), head+"."+parts[1]+"."+encode(mac.Sum(nil)))
	}
	signedBy(auth.Algorithm, "RS384, really", jwt.SigningMethodRS384, keys()[0], nil)
	signedBy(auth.Algorithm, "PS256, really", jwt.SigningMethodPS256, keys()[0], nil)
	curve, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	signedBy(auth.Algorithm, "ES256 with another's key", jwt.SigningMethodES256, curve, nil)
	_, edwards, _ := ed25519.GenerateKey(rand.Reader)
	signedBy(auth.Algorithm, "EdDSA with another's key", jwt.SigningMethodEdDSA, edwards, nil)
	none := encode([]byte(`{"alg":"none","typ":"JWT","kid":"` + w.KeyID() + `"}`))
	add(auth.Malformed, "none, without a signature", none+"."+parts[1]+".")
	add(auth.Algorithm, "none, with some signature", none+"."+parts[1]+"."+parts[2])

	// Signatures.
	stranger := keys()[2]
	signedBy(auth.Signature, "another's key under the issuer's name", jwt.SigningMethodRS256, stranger, nil)
	signedBy(auth.UnknownKey, "another's key under its own name", jwt.SigningMethodRS256, stranger, m{"kid": "mine"})
	add(auth.Malformed, "no signature", parts[0]+"."+parts[1]+".")
	add(auth.Signature, "half a signature", parts[0]+"."+parts[1]+"."+parts[2][:len(parts[2])/2+1])
	add(auth.Signature, "zero", parts[0]+"."+parts[1]+"."+encode(make([]byte, 256)))
	add(auth.Signature, "one", parts[0]+"."+parts[1]+"."+encode(append(make([]byte, 255), 1)))
	add(auth.Signature, "the modulus", parts[0]+"."+parts[1]+"."+encode(public.N.Bytes()))
	raw, _ := base64.RawURLEncoding.DecodeString(parts[2])
	add(auth.Signature, "a signature that begins with zero bytes", parts[0]+"."+parts[1]+"."+encode(append([]byte{0, 0}, raw...)))
	larger := new(big.Int).Add(new(big.Int).SetBytes(raw), public.N)
	add(auth.Signature, "a signature over the modulus", parts[0]+"."+parts[1]+"."+encode(larger.Bytes()))
	flipped := bytes.Clone(raw)
	flipped[128] ^= 1
	add(auth.Signature, "one bit of the signature", parts[0]+"."+parts[1]+"."+encode(flipped))
	other := w.mint(w.application())
	add(auth.Signature, "the signature of another token", parts[0]+"."+parts[1]+"."+strings.Split(other, ".")[2])
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	low := &rsa.PublicKey{N: public.N, E: 3}
	forged := new(big.Int).Exp(new(big.Int).SetBytes(digest[:]), big.NewInt(1), low.N)
	add(auth.Signature, "the digest itself", parts[0]+"."+parts[1]+"."+encode(forged.Bytes()))
	unpadded, _ := rsa.SignPSS(rand.Reader, keys()[0], crypto.SHA256, digest[:], nil)
	add(auth.Signature, "another padding under RS256", parts[0]+"."+parts[1]+"."+encode(unpadded))
	older := sha256.Sum224([]byte(parts[0] + "." + parts[1]))
	short, _ := rsa.SignPKCS1v15(rand.Reader, keys()[0], crypto.SHA224, older[:])
	add(auth.Signature, "another hash under RS256", parts[0]+"."+parts[1]+"."+encode(short))
	admin := encode(bytes.Replace(payload, []byte(scope), []byte(scope+" Admin"), 1))
	add(auth.Signature, "more scopes under the old signature", parts[0]+"."+admin+"."+parts[2])

	// Headers that say how to verify.
	var asked atomic.Int32
	evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	w.Cleanup(func() {
		evil.Close()
		if asked.Load() > 0 {
			w.Errorf("%d requests went where a token said", asked.Load())
		}
	})
	jwk := m{"kty": "RSA", "kid": "mine", "n": encode(stranger.N.Bytes()), "e": "AQAB"}
	for name, value := range (m{"jku": evil.URL + "/keys", "x5u": evil.URL + "/x5u", "jwk": jwk, "x5c": []string{"MIIB"}, "crit": []string{"exp"}, "b64": false, "zip": "DEF", "enc": "A256GCM"}) {
		header(auth.Header, "a signed token with "+name, m{name: value})
		signedBy(auth.Header, "another's key and "+name, jwt.SigningMethodRS256, stranger, m{name: value, "kid": "mine"})
	}
	header(auth.Algorithm, "alg null", m{"alg": json.RawMessage("null")})
	header(auth.UnknownKey, "kid null", m{"kid": json.RawMessage("null")})
	header(auth.Header, "typ null", m{"typ": json.RawMessage("null")})
	header(auth.Header, "crit, empty", m{"crit": []string{}})
	header(auth.Header, "crit null", m{"crit": json.RawMessage("null")})
	for _, typ := range []any{"dpop+jwt", "logout+jwt", "secevent+jwt", "JWE", "id_token", "", 1, []string{"JWT"}} {
		header(auth.Header, fmt.Sprintf("typ %v", typ), m{"typ": typ})
	}

	// Names of keys.
	for _, kid := range []any{"../../../../etc/passwd", "/dev/null", "mine' OR '1'='1", evil.URL + "/key", w.KeyID() + " ", strings.ToUpper(w.KeyID()), w.KeyID()[:19], strings.Repeat("k", 257), "a\nb", "a\x00b", "", 7, nil, []string{w.KeyID()}, m{"a": 1}, true} {
		header(auth.UnknownKey, fmt.Sprintf("kid %.30q", fmt.Sprint(kid)), m{"kid": kid})
	}

	// Whose, and for whom.
	tid := w.TenantID()
	for _, iss := range []any{"https://login.microsoftonline.com/" + tid + "/v2.0", w.root + "/" + tid + "/v2.0/", w.root + "/" + tid, strings.ToUpper(w.root) + "/" + tid + "/v2.0", w.root + "/99999999-2222-4333-8444-555555555555/v2.0",
		w.root + "/{tenantid}/v2.0", w.root + "/common/v2.0", w.root + ".evil.test/" + tid + "/v2.0", "", nil, " " + w.root + "/" + tid + "/v2.0", evil.URL} {
		person(auth.Issuer, fmt.Sprintf("issuer %v", iss), m{"iss": iss})
	}
	for _, iss := range []any{[]string{w.root + "/" + tid + "/v2.0"}, 1, m{}, true} {
		person(auth.Malformed, fmt.Sprintf("issuer %v", iss), m{"iss": iss})
	}
	for _, t := range []any{"99999999-2222-4333-8444-555555555555", "9188040d-6c67-4c5b-b112-36a304b66dad", nil, "", "common", strings.ToUpper(tid + "A")} {
		person(auth.Tenant, fmt.Sprintf("tenant %v", t), m{"tid": t})
	}
	for _, claim := range []string{"iss", "sub", "tid", "oid", "ver", "scp", "aud", "roles", "groups"} {
		person(auth.Malformed, claim+" null", m{claim: json.RawMessage("null")})
	}
	person(auth.Malformed, "a list of tenants", m{"tid": []string{tid}})
	for _, aud := range []any{spa, "api://" + api, api + "/", strings.ToUpper(api + "x"), []string{spa, "api://" + api}, []string{}, "", nil, "*", api + " " + spa, api[:35]} {
		person(auth.Audience, fmt.Sprintf("audience %v", aud), m{"aud": aud})
	}
	for _, aud := range []any{m{"a": api}, 7, []any{api, 7}, []any{nil}, []any{[]string{api}}} {
		person(auth.Malformed, fmt.Sprintf("audience %v", aud), m{"aud": aud})
	}
	for _, aud := range []string{"https://graph.microsoft.com", "https://graph.microsoft.com/", "00000003-0000-0000-c000-000000000000", "https://graph.microsoft.us", "https://GRAPH.microsoft.com:443/"} {
		person(auth.Audience, "made for Graph: "+aud, m{"aud": aud, "ver": "1.0", "iss": "https://sts.windows.net/" + tid + "/"})
	}
	for _, ver := range []any{"1.0", nil, "", "2", "2.1", "v2.0"} {
		person(auth.Version, fmt.Sprintf("version %v", ver), m{"ver": ver})
	}
	person(auth.Malformed, "version as a number", m{"ver": 2.0})

	// Times. A minute is for the clocks.
	for name, exp := range (m{"an hour ago": now.Add(-time.Hour).Unix(), "a minute ago": now.Add(-61 * time.Second).Unix(), "in 1970": 1}) {
		person(auth.Expired, "ended "+name, m{"exp": exp})
	}
	for name, nbf := range (m{"in an hour": now.Add(time.Hour).Unix(), "soon": now.Add(90 * time.Second).Unix(), "in 9999": 253402300799}) {
		person(auth.NotYetValid, "begins "+name, m{"nbf": nbf, "exp": 253402300799})
	}
	for _, claim := range []string{"exp", "nbf"} {
		person(auth.Malformed, "without "+claim, m{claim: nil})
		for _, odd := range []string{`"` + fmt.Sprint(now.Add(time.Hour).Unix()) + `"`, "1e308", "1e400", "-1", "0", "null", "true", `"never"`, "[]", "{}", "253402300800", "99999999999999999999", `"Infinity"`} {
			person(auth.Malformed, claim+" "+odd, m{claim: json.RawMessage(odd)})
		}
	}

	// Not an access token.
	person(auth.IDToken, "an ID token", m{"scp": nil, "azp": nil, "azpacr": nil, "nonce": "n"})
	person(auth.IDToken, "an ID token of the bare kind", m{"scp": nil, "azp": nil, "azpacr": nil, "name": nil, "preferred_username": nil, "roles": []string{role}})
	for _, mark := range []string{"nonce", "at_hash", "c_hash", "s_hash"} {
		person(auth.IDToken, "with "+mark, m{mark: "x"})
	}
	person(auth.IDToken, "token_use id", m{"token_use": "id"})
	person(auth.IDToken, "typ ID", m{"typ": "ID"})
	person(auth.Header, "bound to a key", m{"cnf": m{"jkt": "x"}})

	// About whom.
	for _, oid := range []any{nil, "", "anna", "00000000-0000-0000-0000-000000000000", anna + "0"} {
		person(auth.Subject, fmt.Sprintf("object %v", oid), m{"oid": oid})
	}
	person(auth.Malformed, "a list of objects", m{"oid": []string{anna}})
	person(auth.Malformed, "a subject that would break a log's line", m{"sub": "a\nb"})
	person(auth.Malformed, "an endless subject", m{"sub": strings.Repeat("s", 300)})
	person(auth.Subject, "an application that acts for a person", m{"idtyp": "app"})
	application(auth.Subject, "a device", m{"idtyp": "device"})
	application(auth.Subject, "a person without scopes", m{"idtyp": "user"})

	// Entitled to what.
	for _, scp := range []string{"Presence.Subscribe.All", "presence.subscribe", "XPresence.Subscribe", "Presence", "Presence.Subscribe,User.Read", "Presence. Subscribe", "User.Read Presence.SubscribeX", "api://x/Presence.Subscribe"} {
		person(auth.Scope, "scope "+scp, m{"scp": scp})
	}
	person(auth.Scope, "the role instead of the scope", m{"scp": "User.Read", "roles": []string{role, scope}})
	person(auth.Malformed, "a list of scopes", m{"scp": []string{scope}})
	person(auth.IDToken, "an empty scope", m{"scp": " ", "azp": nil})
	person(auth.Role, "no scope at all", m{"scp": nil})
	for _, roles := range []any{nil, []string{}, []string{"Presence.Subscribe"}, []string{role + "X"}, []string{strings.ToLower(role)}, []string{role + " " + role}, []string{""}} {
		application(auth.Role, fmt.Sprintf("roles %#v", roles), m{"roles": roles})
	}
	for _, roles := range []any{role, m{role: true}, []any{role, 1}, []any{nil}, true} {
		application(auth.Malformed, fmt.Sprintf("roles as %v", roles), m{"roles": roles})
	}
	person(auth.Malformed, "groups as a text", m{"groups": groupID})

	// Texts that two readers could read differently.
	text(auth.Malformed, "scp twice", plainHeader, with(`"scp":"Admin"`))
	text(auth.Malformed, "aud twice", plainHeader, with(`"aud":"`+api+`"`))
	text(auth.Malformed, "aud twice, once escaped", plainHeader, with(`"\u0061ud":"`+api+`"`))
	text(auth.Malformed, "alg twice", `{"alg":"none",`+plainHeader[1:], string(payload))
	text(auth.Malformed, "kid twice", `{"kid":"x",`+plainHeader[1:], string(payload))
	text(auth.Audience, "AUD instead of aud", plainHeader, strings.Replace(string(payload), `"aud"`, `"AUD"`, 1))
	text(auth.Algorithm, "Alg instead of alg", strings.Replace(plainHeader, `"alg"`, `"Alg"`, 1), string(payload))
	text(auth.Malformed, "more after the payload", plainHeader, string(payload)+`{"aud":"x"}`)
	text(auth.Malformed, "more after the header", plainHeader+"{}", string(payload))
	text(auth.Malformed, "no payload", plainHeader, "")
	text(auth.Malformed, "a list as payload", plainHeader, "["+string(payload)+"]")
	text(auth.Malformed, "null as payload", plainHeader, "null")
	text(auth.Malformed, "a text as header", `"RS256"`, string(payload))
	text(auth.Malformed, "no UTF-8", plainHeader, with("\"x\":\"\xff\""))
	text(auth.Malformed, "a byte order mark", plainHeader, "\ufeff"+string(payload))
	text(auth.Malformed, "deep nesting", plainHeader, with(`"x":`+strings.Repeat("[", 11_000)))
	add(auth.Malformed, "padding", parts[0]+"."+parts[1]+"."+parts[2]+"==")
	add(auth.Malformed, "a line end inside", parts[0]+"."+parts[1][:20]+"\n"+parts[1][20:]+"."+parts[2])
	add(auth.Malformed, "another spelling of the last bits", parts[0]+"."+parts[1]+"."+respell(parts[2]))
	add(auth.Malformed, "the other base64", parts[0]+"."+parts[1]+"."+strings.NewReplacer("-", "+", "_", "/").Replace(parts[2])+"+")
	add(auth.Malformed, "a space before", " "+good)
	add(auth.Malformed, "a space behind", good+" ")
	add(auth.Malformed, "two parts", parts[0]+"."+parts[1])
	add(auth.Malformed, "four parts", good+"."+parts[2])
	add(auth.Malformed, "five parts, as if encrypted", good+"."+parts[2]+"."+parts[2])
	add(auth.Malformed, "10,000 dots", "eyJ"+strings.Repeat(".", 10_000))
	add(auth.Malformed, "nothing but dots", "..")
	add(auth.Malformed, "JSON instead", `{"alg":"RS256"}`)
	add(auth.Malformed, "Bearer twice", "Bearer "+good)
	add(auth.TooLarge, "64 KiB", "eyJ"+strings.Repeat("A", 64<<10))
	big := w.person()
	big.Claims = m{"x": strings.Repeat("x", 12<<10)}
	add(auth.TooLarge, "a signed one over 16 KiB", w.mint(big))
	var bomb bytes.Buffer
	z, _ := flate.NewWriter(&bomb, 9)
	z.Write(bytes.Repeat([]byte{'a'}, 1<<20))
	z.Close()
	add(auth.Header, "compressed", encode([]byte(`{"alg":"RS256","zip":"DEF","kid":"`+w.KeyID()+`"}`))+"."+encode(bomb.Bytes())+"."+parts[2])
	return all
}

// respell changes bits of the last letter that decoders ignore.
func respell(part string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	at := strings.IndexByte(alphabet, part[len(part)-1])
	return part[:len(part)-1] + string(alphabet[at^1])
}

func TestForgeries(t *testing.T) {
	w := newWorld(t, nil)
	w.let(w.mint(w.person()))
	w.let(w.mint(w.application()))
	all := forge(w)
	if len(all) < 120 {
		t.Errorf("only %d forgeries", len(all))
	}
	seen := map[string]bool{}
	for _, f := range all {
		if seen[f.name] {
			t.Errorf("%s: twice", f.name)
		}
		seen[f.name] = true
		if got := refused(t, w.v, bearer(f.text)); got != f.want {
			t.Errorf("%s: refused for %q, want %q", f.name, got, f.want)
		}
		// By a message a token is no better.
		if got := refused(t, w.v, auth.Credential{Kind: auth.Either, Value: f.text}); got != f.want {
			t.Errorf("%s, by message: refused for %q, want %q", f.name, got, f.want)
		}
	}
	t.Logf("%d forgeries", len(all))
	w.let(w.mint(w.person()))
}

// What is odd and good is let in.
func TestGoodTokens(t *testing.T) {
	w := newWorld(t, nil)
	type m = map[string]any
	now := time.Now()
	for name, claims := range map[string]m{
		"as issued":              nil,
		"two audiences":          {"aud": []string{"x", api}},
		"a list of one audience": {"aud": []string{api}},
		"ended within a minute":  {"exp": now.Add(-30 * time.Second).Unix()},
		"begins within a minute": {"nbf": now.Add(30 * time.Second).Unix()},
		"fractions of a second":  {"exp": float64(now.Add(time.Hour).Unix()) + 0.5},
		"several scopes":         {"scp": "User.Read " + scope + " Other"},
		"idtyp user":             {"idtyp": "user"},
		"object in upper case":   {"oid": strings.ToUpper(anna)},
		"no client":              {"azp": nil},
		"unknown claims":         {"wids": []string{"x"}, "xms_tcdt": 1, "acct": 0, "deep": m{"a": m{}}},
		"many groups, elsewhere": {"_claim_names": m{"groups": "src1"}},
		"groups that are none":   {"groups": []string{"all staff", groupID}},
	} {
		a := w.person()
		a.Claims = claims
		p := w.let(w.mint(a))
		if p.Subject != "user:"+w.TenantID()+":"+anna || p.User.String() != anna || p.Anonymous || p.Key != "" {
			t.Errorf("%s: %+v", name, p)
		}
	}
	for name, header := range map[string]m{"no typ": {"typ": nil}, "at+jwt": {"typ": "at+jwt"}, "its long name": {"typ": "application/at+JWT"}, "a thumbprint": {"x5t": "x", "nonce": "y"}} {
		a := w.person()
		a.Header = header
		if p := w.let(w.mint(a)); p.User.String() != anna {
			t.Errorf("%s: %+v", name, p)
		}
	}
	for name, claims := range map[string]m{
		"as issued": nil, "without idtyp": {"idtyp": nil}, "without idtyp and client": {"idtyp": nil, "azp": nil}, "without subject": {"idtyp": nil, "azp": nil, "sub": nil},
	} {
		a := w.application()
		a.Claims = claims
		if p := w.let(w.mint(a)); !strings.HasPrefix(p.Subject, "app:"+w.TenantID()+":") || !p.User.IsZero() || len(p.Roles) != 1 {
			t.Errorf("an application %s: %+v", name, p)
		}
	}
	a := w.person()
	a.Roles, a.Groups, a.Life = []string{"Desk", "Lead"}, []string{groupID}, 10*time.Minute
	p := w.let(w.mint(a))
	if len(p.Roles) != 2 || len(p.Groups) != 1 || p.Groups[0].String() != groupID || time.Until(p.Expires).Round(time.Minute) != 10*time.Minute {
		t.Errorf("%+v", p)
	}
	// And a ticket stands for the same.
	ticket, _ := w.v.Ticket(p)
	if again, err := w.v.Authenticate(t.Context(), ticketOf(ticket)); err != nil || !same(p, again) {
		t.Errorf("%+v, %v", again, err)
	}
}

// A remedy tells a program what to ask for.
func TestRemedies(t *testing.T) {
	w := newWorld(t, nil)
	for aud, want := range map[string]string{"https://graph.microsoft.com": "Microsoft Graph", "x": api + "/" + scope} {
		a := w.person()
		a.Claims = map[string]any{"aud": aud}
		_, err := w.v.Authenticate(t.Context(), bearer(w.mint(a)))
		if r, ok := auth.Refused(err); !ok || !strings.Contains(r.Remedy, want) || !strings.Contains(r.Remedy, api+"/"+scope) {
			t.Errorf("%s: %v", aud, err)
		}
	}
}
