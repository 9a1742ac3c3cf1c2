package authority

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Options of an [Authority]. The zero value works.
type Options struct {
	TenantID   string          // a GUID; default DefaultTenant
	Domain     string          // another name of the tenant; default contoso.onmicrosoft.com
	Resources  []string        // roots of the Graphs that tokens are issued for; default https://graph.microsoft.com
	TokenLife  time.Duration   // default 1 h
	RefreshIn  time.Duration   // when a client should renew a token early; 0: not said
	CodeLife   time.Duration   // of a device code; default 15 min
	SigningKey *rsa.PrivateKey // signs the tokens; nil: made anew, which takes a moment
	Hosts      []string        // that the TLS certificate is for; default localhost, 127.0.0.1 and ::1
}

// DefaultTenant is the id of the tenant if no other is given.
const DefaultTenant = "11111111-2222-4333-8444-555555555555"

// Authority is one login service with one tenant. It is an http.Handler, safe for concurrent use.
type Authority struct {
	o   Options
	mux *http.ServeMux
	identity

	mu        sync.Mutex
	apps      map[string]*App
	devices   map[string]*device // by device code
	refreshes map[string]session // by refresh token
	replayed  map[string]time.Time
	apis      []*API
	assigned  map[string]Assignment // by object or application id
	people    func() []User         // who can sign in on the page; nil: nobody
	codes     map[string]code       // authorization codes
	browsers  map[string]string     // who is signed in, by cookie
	fault     *Fault
	keys      []signingKey // published; the last one signs
	withdrawn []signingKey // published no more
	keysFault *KeysFault
	stats     Stats
	epoch     int    // how often tokens were revoked
	challenge string // the claims that a token must have been asked for with; empty: none
}

// Stats counts the requests of a kind, since the start.
type Stats struct {
	Discovery       int // metadata, keys and instance discovery
	Keys            int // of those, for the keys
	Authorize       int // GET and POST /oauth2/v2.0/authorize
	Token           int // POST /oauth2/v2.0/token, the polls of a device code too
	Issued          int // access tokens issued by it
	Refused         int // token requests refused, pending device codes left out
	DeviceCodes     int // device codes begun
	Refreshes       int // access tokens issued for a refresh token
	WithClaims      int // token requests that answered a claims challenge
	ManagedIdentity int // tokens issued by the managed identity's endpoint
	Challenged      int // verifications that answered with a claims challenge
}

// Fault makes token requests fail without being looked at.
type Fault struct {
	Status     int           // HTTP status
	RetryAfter time.Duration // 0: not said
	Error      string        // OAuth's error code; default temporarily_unavailable
	Code       int           // Entra's; default 90033
	Text       string        // behind the code; default Entra's words for 90033
	Redirect   string        // a Location, for a 3xx status
}

// New makes an authority with keys of its own.
func New(o Options) (*Authority, error) {
	if o.TenantID == "" {
		o.TenantID = DefaultTenant
	}
	if o.Domain == "" {
		o.Domain = "contoso.onmicrosoft.com"
	}
	if len(o.Resources) == 0 {
		o.Resources = []string{"https://graph.microsoft.com"}
	}
	if o.TokenLife == 0 {
		o.TokenLife = time.Hour
	}
	if o.CodeLife == 0 {
		o.CodeLife = 15 * time.Minute
	}
	if len(o.Hosts) == 0 {
		o.Hosts = []string{"localhost", "127.0.0.1", "::1"}
	}
	if o.SigningKey == nil {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, fmt.Errorf("authority: signing key: %w", err)
		}
		o.SigningKey = key
	}
	id, err := newIdentity(o.Hosts)
	if err != nil {
		return nil, fmt.Errorf("authority: certificate: %w", err)
	}
	a := &Authority{
		o: o, mux: http.NewServeMux(), keys: []signingKey{newSigningKey(o.SigningKey)}, identity: id,
		apps: map[string]*App{}, devices: map[string]*device{}, refreshes: map[string]session{}, replayed: map[string]time.Time{},
		assigned: map[string]Assignment{}, codes: map[string]code{}, browsers: map[string]string{},
	}
	a.mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", a.open(true, a.serveOpenID))
	a.mux.HandleFunc("GET /common/discovery/instance", a.serveInstance)
	a.mux.HandleFunc("GET /{tenant}/discovery/v2.0/keys", a.open(true, a.serveKeys))
	a.mux.HandleFunc("GET /{tenant}/discovery/keys", a.open(true, a.serveKeys))
	a.mux.HandleFunc("GET /{tenant}/oauth2/v2.0/authorize", a.serveAuthorize)
	a.mux.HandleFunc("POST /{tenant}/oauth2/v2.0/authorize", a.serveAuthorize)
	a.mux.HandleFunc("GET /{tenant}/oauth2/v2.0/logout", a.serveLogout)
	a.mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", a.open(false, a.serveToken))
	a.mux.HandleFunc("OPTIONS /{tenant}/oauth2/v2.0/token", a.open(false, a.serveToken))
	a.mux.HandleFunc("POST /{tenant}/oauth2/v2.0/devicecode", a.serveDeviceCode)
	return a, nil
}

// ServeHTTP answers as login.microsoftonline.com would.
func (a *Authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store, no-cache")
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	a.mux.ServeHTTP(w, r)
}

// TenantID returns the id of the tenant.
func (a *Authority) TenantID() string { return a.o.TenantID }

// Stats returns what was counted so far.
func (a *Authority) Stats() Stats {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.stats
}

// SetFault lets token requests fail from now on; nil ends that.
func (a *Authority) SetFault(f *Fault) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fault = f
}

func (a *Authority) count(field func(*Stats) *int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	*field(&a.stats)++
}

// knows reports whether a name in a path is the tenant's. Public clients may come by organizations.
func (a *Authority) knows(tenant string) bool {
	return strings.EqualFold(tenant, a.o.TenantID) || strings.EqualFold(tenant, a.o.Domain) || tenant == "organizations" || tenant == "common"
}

// random returns 128 random bits.
func random() string { return rand.Text() }

func guid() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func bigEndian(n int) string {
	return base64.RawURLEncoding.EncodeToString(big.NewInt(int64(n)).Bytes())
}
