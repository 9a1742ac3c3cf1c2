package graphsim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// tokenClaims are those of an application's token that a client may look at.
type tokenClaims struct {
	Audience  string   `json:"aud"`
	Issuer    string   `json:"iss"`
	IssuedAt  int64    `json:"iat"`
	Expires   int64    `json:"exp"`
	AppID     string   `json:"appid"`
	Type      string   `json:"idtyp"`
	ObjectID  string   `json:"oid"`
	Roles     []string `json:"roles,omitempty"`
	Tenant    string   `json:"tid"`
	UniqueID  string   `json:"uti"`
	Version   string   `json:"ver"`
	NotBefore int64    `json:"nbf"`
}

func (t *Tenant) sign(head string) string {
	m := hmac.New(sha256.New, t.key)
	m.Write([]byte(head))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// issue makes a token in the shape of Entra's. Its signature means something to
// this tenant only.
func (t *Tenant) issue(tenant, client, audience string) (string, error) {
	now := time.Now()
	payload, err := json.Marshal(tokenClaims{
		Audience: audience, Issuer: "https://sts.windows.net/" + tenant + "/", IssuedAt: now.Unix(), NotBefore: now.Unix(),
		Expires: now.Add(t.o.TokenLife).Unix(), AppID: client, Type: "app", ObjectID: client, Roles: t.o.Roles, Tenant: tenant,
		UniqueID: t.newGUID().String(), Version: "1.0",
	})
	if err != nil {
		return "", err
	}
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"JWT","alg":"HS256","kid":"graphsim"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload)
	return head + "." + t.sign(head), nil
}

// inspect says whether the token endpoint issued the token, and for whom.
func (t *Tenant) inspect(token string) (who identity, valid, expired bool) {
	end := strings.LastIndexByte(token, '.')
	if end < 0 || !hmac.Equal([]byte(t.sign(token[:end])), []byte(token[end+1:])) {
		return who, false, false
	}
	_, payload, _ := strings.Cut(token[:end], ".")
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	var c tokenClaims
	if err != nil || json.Unmarshal(raw, &c) != nil {
		return who, false, false
	}
	return identity{app: true, judged: true, roles: c.Roles}, true, time.Now().Unix() >= c.Expires
}

// loginError is the login service's error body, which is not Graph's.
type loginError struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
	Codes       []int  `json:"error_codes"`
	Timestamp   string `json:"timestamp"`
	TraceID     string `json:"trace_id"`
	Correlation string `json:"correlation_id"`
}

func (t *Tenant) refuseLogin(status int, kind string, code int, text string) *answer {
	body, err := json.Marshal(loginError{kind, text, []int{code}, time.Now().UTC().Format("2006-01-02 15:04:05Z"), t.newGUID().String(), t.newGUID().String()})
	if err != nil {
		body = nil // unreachable: strings and numbers only
	}
	return newAnswer(status, "application/json; charset=utf-8", body)
}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// serveToken is POST /{tenant}/oauth2/v2.0/token for client credentials: a
// secret or any assertion.
func (t *Tenant) serveToken(w http.ResponseWriter, r *http.Request) {
	f := t.faults.draw(kindToken, wholeRequest)
	c := &call{t: t, ctx: r.Context(), kind: kindToken, fate: f}
	c.pauseFor(f.delay)
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	var a *answer
	switch err := r.ParseForm(); {
	case f.status != nil:
		a = t.refuseLogin(f.status.Status, "temporarily_unavailable", 90033, "AADSTS90033: A transient error has occurred. Please try again.")
		if f.status.RetryAfter > 0 {
			c.pauseIn(a, time.Duration(f.status.RetryAfter*float64(time.Second)))
		}
	case f.unauthorized != nil:
		a = t.refuseLogin(http.StatusUnauthorized, "invalid_client", 7000222, "AADSTS7000222: The provided client secret keys for app are expired.")
	case err != nil:
		a = t.refuseLogin(http.StatusBadRequest, "invalid_request", 900144, "AADSTS900144: The request body could not be read.")
	default:
		a = t.login(r)
	}
	a.header.Set("Cache-Control", "no-store, no-cache")
	t.send(w, c, a)
}

func (t *Tenant) login(r *http.Request) *answer {
	client, scope := r.PostForm.Get("client_id"), r.PostForm.Get("scope")
	secret, assertion := r.PostForm.Get("client_secret"), r.PostForm.Get("client_assertion")
	switch {
	case r.PostForm.Get("grant_type") != "client_credentials":
		return t.refuseLogin(http.StatusBadRequest, "unsupported_grant_type", 70003, "AADSTS70003: The app requested an unsupported grant type '"+r.PostForm.Get("grant_type")+"'.")
	case client == "":
		return t.refuseLogin(http.StatusBadRequest, "invalid_request", 900144, "AADSTS900144: The request body must contain the following parameter: 'client_id'.")
	case t.o.ClientID != "" && client != t.o.ClientID:
		return t.refuseLogin(http.StatusBadRequest, "unauthorized_client", 700016, "AADSTS700016: Application with identifier '"+client+"' was not found in the directory.")
	case !strings.HasSuffix(scope, "/.default"):
		return t.refuseLogin(http.StatusBadRequest, "invalid_scope", 1002012, "AADSTS1002012: The provided value for scope "+scope+" is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).")
	case assertion != "" && r.PostForm.Get("client_assertion_type") == assertionType:
	case secret == "":
		return t.refuseLogin(http.StatusUnauthorized, "invalid_client", 7000216, "AADSTS7000216: 'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.")
	case t.o.ClientSecret != "" && secret != t.o.ClientSecret:
		return t.refuseLogin(http.StatusUnauthorized, "invalid_client", 7000215, "AADSTS7000215: Invalid client secret provided.")
	}
	token, err := t.issue(r.PathValue("tenant"), client, strings.TrimSuffix(scope, "/.default"))
	if err != nil {
		return t.refuseLogin(http.StatusInternalServerError, "server_error", 90033, err.Error())
	}
	life := int(t.o.TokenLife.Seconds())
	body, err := json.Marshal(struct {
		Type    string `json:"token_type"`
		Expires int    `json:"expires_in"`
		Ext     int    `json:"ext_expires_in"`
		Token   string `json:"access_token"`
	}{"Bearer", life, life, token})
	if err != nil {
		return t.refuseLogin(http.StatusInternalServerError, "server_error", 90033, err.Error())
	}
	return newAnswer(http.StatusOK, "application/json; charset=utf-8", body)
}

// serveOpenID is the discovery document that leads to the token endpoint.
func (t *Tenant) serveOpenID(w http.ResponseWriter, r *http.Request) {
	base, tenant := t.origin(r), r.PathValue("tenant")
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                                base + "/" + tenant + "/v2.0",
		"authorization_endpoint":                base + "/" + tenant + "/oauth2/v2.0/authorize",
		"token_endpoint":                        base + "/" + tenant + "/oauth2/v2.0/token",
		"jwks_uri":                              base + "/" + tenant + "/discovery/v2.0/keys",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		"response_types_supported":              []string{"code", "id_token", "code id_token", "id_token token"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"scopes_supported":                      []string{"openid", "profile", "email", "offline_access"},
		"tenant_region_scope":                   "EU",
	})
}
