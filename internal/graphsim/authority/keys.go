package authority

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// signingKey is one key pair, under the name that tokens give it.
type signingKey struct {
	id string
	*rsa.PrivateKey
}

func newSigningKey(key *rsa.PrivateKey) signingKey {
	return signingKey{base64.RawURLEncoding.EncodeToString(key.N.Bytes()[:15]), key}
}

// KeysFault is what goes wrong with the issuer's metadata and key set: every way in which they can be of no use.
type KeysFault struct {
	Status    int           // instead of an answer
	Delay     time.Duration // before it
	Empty     bool          // a set without keys
	Garbage   bool          // a page instead of a set
	HugeBytes int           // a set of that size
	Redirect  string        // to there
}

// SetKeysFault lets metadata and key set fail from now on; nil ends that.
func (a *Authority) SetKeysFault(f *KeysFault) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keysFault = f
}

// RollKeys signs with a new key from now on. The old one stays published beside it, unless it is withdrawn: then it stands for
// a key that had to be given up, and tokens for an API that it signed are worth nothing any more.
func (a *Authority) RollKeys(withdraw bool) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return fmt.Errorf("authority: signing key: %w", err)
	}
	a.RollKeysTo(key, withdraw)
	return nil
}

// RollKeysTo is RollKeys to a key that is there already.
func (a *Authority) RollKeysTo(key *rsa.PrivateKey, withdraw bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if withdraw {
		a.withdrawn = append(a.withdrawn, a.keys...)
		a.keys = nil
	}
	a.keys = append(a.keys, newSigningKey(key))
}

// signingKey returns the one in use.
func (a *Authority) signingKey() signingKey {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.keys[len(a.keys)-1]
}

// everSigned returns the key of this name, published or not: Graph is of the same house, and goes on with its tokens.
func (a *Authority) everSigned(id any) *rsa.PublicKey {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, key := range slices.Concat(a.keys, a.withdrawn) {
		if key.id == id {
			return &key.PublicKey
		}
	}
	return nil
}

// serveKeys is the JSON Web Key Set of the keys that sign tokens. The set for v2.0 says whose each key is.
func (a *Authority) serveKeys(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.stats.Discovery++
	a.stats.Keys++
	keys, fault := slices.Clone(a.keys), a.keysFault
	a.mu.Unlock()
	if fault.serve(w, r) {
		return
	}
	set := []map[string]any{}
	for _, key := range keys {
		jwk := map[string]any{
			"kty": "RSA", "use": "sig", "kid": key.id, "x5t": key.id,
			"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()), "e": bigEndian(key.E),
		}
		if strings.Contains(r.URL.Path, "/v2.0/") {
			jwk["issuer"] = a.issuer(base(r))
			if tenant := r.PathValue("tenant"); tenant == "common" || tenant == "organizations" {
				jwk["issuer"] = base(r) + "/{tenantid}/v2.0"
			}
		}
		set = append(set, jwk)
	}
	writeJSON(w, http.StatusOK, map[string]any{"keys": set})
}

// issuer is the name of the tenant's issuer of v2.0 tokens.
func (a *Authority) issuer(root string) string { return root + "/" + a.o.TenantID + "/v2.0" }

// serve answers in the place of metadata or keys, if there is a fault that does.
func (f *KeysFault) serve(w http.ResponseWriter, r *http.Request) bool {
	if f == nil {
		return false
	}
	if f.Delay > 0 {
		wait := time.NewTimer(f.Delay)
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-r.Context().Done():
			return true
		}
	}
	switch {
	case f.Redirect != "":
		http.Redirect(w, r, f.Redirect, http.StatusFound)
	case f.Status != 0:
		http.Error(w, "the service is unavailable", f.Status)
	case f.Garbage:
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<html><body>Sign in to the network</body></html>")
	case f.Empty:
		writeJSON(w, http.StatusOK, map[string]any{"keys": []any{}})
	case f.HugeBytes > 0:
		io.WriteString(w, `{"keys":[`)
		for n := 0; n < f.HugeBytes; n += 1024 {
			if _, err := io.WriteString(w, strings.Repeat(" ", 1024)); err != nil {
				return true
			}
		}
		io.WriteString(w, `]}`)
	default:
		return false
	}
	return true
}
