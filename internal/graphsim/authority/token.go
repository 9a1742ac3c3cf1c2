package authority

import (
	"cmp"
	"crypto/subtle"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	deviceGrant   = "urn:ietf:params:oauth:grant-type:device_code"
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// serveToken is POST /{tenant}/oauth2/v2.0/token.
func (a *Authority) serveToken(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.stats.Token++
	fault := a.fault
	a.mu.Unlock()
	if fault != nil {
		_, _ = io.Copy(io.Discard, r.Body) // the question comes first
		fault.write(w)
		return
	}
	var grant *grant
	no := a.request(r)
	if no == nil {
		grant, no = a.judge(r)
	}
	if no != nil {
		if no.name != "authorization_pending" {
			a.count(func(s *Stats) *int { return &s.Refused })
		}
		no.write(w)
		return
	}
	answer, err := a.answer(grant)
	if err != nil {
		(&refusal{http.StatusInternalServerError, "server_error", 90033, err.Error()}).write(w)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

func (f *Fault) write(w http.ResponseWriter) {
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter.Seconds())))
	}
	if f.Redirect != "" {
		w.Header().Set("Location", f.Redirect)
	}
	(&refusal{f.Status, cmp.Or(f.Error, "temporarily_unavailable"), cmp.Or(f.Code, 90033), cmp.Or(f.Text, "A transient error has occurred. Please try again.")}).write(w)
}

// request refuses what is wrong whatever is asked for.
func (a *Authority) request(r *http.Request) *refusal {
	if tenant := r.PathValue("tenant"); !a.knows(tenant) {
		return a.noTenant(tenant)
	}
	// MSAL.js names its request in the address; everything else belongs into the body.
	query := r.URL.Query()
	query.Del("client-request-id")
	if len(query) > 0 || r.ParseForm() != nil {
		return &refusal{http.StatusBadRequest, "invalid_request", 900144, "The request body could not be read."}
	}
	for _, name := range []string{"client_id", "grant_type"} {
		if r.PostForm.Get(name) == "" {
			return &refusal{http.StatusBadRequest, "invalid_request", 900144, "The request body must contain the following parameter: '" + name + "'."}
		}
	}
	return nil
}

// judge decides what a request gets: a grant, or a refusal.
func (a *Authority) judge(r *http.Request) (*grant, *refusal) {
	form := r.PostForm
	clientID := form.Get("client_id")
	app := a.app(clientID)
	g := &grant{app: app, root: base(r), capable: capable(form.Get("claims"))}
	var no *refusal
	switch form.Get("grant_type") {
	case "client_credentials":
		if no = app.standing(clientID, false); no != nil {
			return nil, no
		}
		if no = a.prove(r, app); no != nil {
			return nil, no
		}
	case deviceGrant, "device_code": // Entra takes either
		if g.user, g.resource, no = a.redeem(app, clientID, form.Get("device_code")); no != nil {
			return nil, no
		}
	case "authorization_code":
		if no = a.exchange(r, app, g); no != nil {
			return nil, no
		}
	case "refresh_token":
		if no = a.renew(r, app, g); no != nil {
			return nil, no
		}
	default:
		return nil, &refusal{http.StatusBadRequest, "unsupported_grant_type", 70003, "The app requested an unsupported grant type '" + form.Get("grant_type") + "'."}
	}
	if g.resource == "" && g.api == nil {
		if g.target, no = a.target(form.Get("scope"), g.user == nil); no != nil {
			return nil, no
		}
	}
	g.epoch = a.satisfy(form.Get("claims"))
	return g, nil
}

// resource reads from a scope which Graph the token is for.
func (a *Authority) resource(scope string, application bool) (string, *refusal) {
	var root string
	for _, s := range strings.Fields(scope) {
		switch s {
		case "openid", "profile", "offline_access", "email": // what client libraries add
		default:
			cut, ok := strings.CutSuffix(s, "/.default")
			if !ok || root != "" {
				if application {
					return "", &refusal{http.StatusBadRequest, "invalid_scope", 1002012, "The provided value for scope " + scope + " is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."}
				}
				return "", &refusal{http.StatusBadRequest, "invalid_scope", 70011, "The provided value for the input parameter 'scope' is not valid. The scope " + scope + " is not valid."}
			}
			root = cut
		}
	}
	if !slices.Contains(a.o.Resources, root) {
		return "", &refusal{http.StatusBadRequest, "invalid_resource", 500011, "The resource principal named " + root + " was not found in the tenant named Contoso. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant."}
	}
	return root, nil
}

// prove checks that a request comes from the application.
func (a *Authority) prove(r *http.Request, app *App) *refusal {
	secret, assertion := r.PostForm.Get("client_secret"), r.PostForm.Get("client_assertion")
	switch {
	case assertion != "" && r.PostForm.Get("client_assertion_type") == assertionType:
		return a.proveByAssertion(r, app, assertion)
	case secret == "":
		return &refusal{http.StatusUnauthorized, "invalid_client", 7000216, "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type."}
	}
	for _, s := range app.Secrets {
		if subtle.ConstantTimeCompare([]byte(s.Value), []byte(secret)) != 1 {
			continue
		}
		if !s.Expires.IsZero() && !time.Now().Before(s.Expires) {
			return &refusal{http.StatusUnauthorized, "invalid_client", 7000222, "The provided client secret keys for app '" + app.ClientID + "' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds."}
		}
		return nil
	}
	return &refusal{http.StatusUnauthorized, "invalid_client", 7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '" + app.ClientID + "'."}
}
