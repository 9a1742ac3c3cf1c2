package authority

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Claims are what an access token says.
type Claims struct {
	jwt.RegisteredClaims
	AppID        string   `json:"appid"`
	Type         string   `json:"idtyp"` // app or user
	ObjectID     string   `json:"oid"`
	Roles        []string `json:"roles,omitempty"` // application permissions
	Scopes       string   `json:"scp,omitempty"`   // delegated permissions, separated by spaces
	Tenant       string   `json:"tid"`
	UniqueID     string   `json:"uti"`
	Version      string   `json:"ver"`
	Capabilities []string `json:"xms_cc,omitempty"` // CP1: the client answers claims challenges
	Epoch        int      `json:"sim_epoch"`        // how many revocations came before it; the simulation's own
}

// Allows reports whether any of the permissions was granted, to the application or on behalf of its user.
func (c *Claims) Allows(permissions ...string) bool {
	held := append(strings.Fields(c.Scopes), c.Roles...)
	return slices.ContainsFunc(permissions, func(p string) bool { return slices.Contains(held, p) })
}

// grant is what a request was found to deserve.
type grant struct {
	app  *App
	user *User // nil: the application itself
	target
	root      string // of the authority, as the request names it
	nonce     string // for the ID token
	spa       bool   // a single-page application asks
	capable   bool
	epoch     int
	refreshed bool
}

// tokenBody is the token endpoint's answer.
type tokenBody struct {
	Type       string `json:"token_type"`
	Scope      string `json:"scope,omitempty"`
	Expires    int    `json:"expires_in"`
	Ext        int    `json:"ext_expires_in"`
	RefreshIn  int    `json:"refresh_in,omitempty"`
	Access     string `json:"access_token"`
	Refresh    string `json:"refresh_token,omitempty"`
	ID         string `json:"id_token,omitempty"`
	ClientInfo string `json:"client_info,omitempty"`
}

// Issue makes a token for an application without any request, as if it had asked for one.
func (a *Authority) Issue(clientID, resource string, roles ...string) (string, error) {
	a.mu.Lock()
	epoch := a.epoch
	a.mu.Unlock()
	return a.sign(a.claims(&grant{app: &App{ClientID: clientID, Roles: roles}, target: target{resource: resource}, epoch: epoch}, clientID))
}

func (a *Authority) claims(g *grant, object string) *Claims {
	now := time.Now()
	c := &Claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Audience: jwt.ClaimStrings{g.resource}, Issuer: "https://sts.windows.net/" + a.o.TenantID + "/", Subject: object,
			IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(a.o.TokenLife)),
		},
		AppID: g.app.ClientID, Type: "app", ObjectID: object, Roles: g.app.Roles, Tenant: a.o.TenantID, UniqueID: random(), Version: "1.0", Epoch: g.epoch,
	}
	if g.user != nil {
		c.Type, c.Roles, c.Scopes = "user", nil, strings.Join(g.app.Scopes, " ")
	}
	if g.capable {
		c.Capabilities = []string{"CP1"}
	}
	return c
}

func (a *Authority) sign(claims jwt.Claims) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	key := a.signingKey()
	token.Header["kid"], token.Header["x5t"] = key.id, key.id
	return token.SignedString(key.PrivateKey)
}

// answer carries a grant out.
func (a *Authority) answer(g *grant) (*tokenBody, error) {
	object := g.app.ClientID
	if g.user != nil {
		object = g.user.ID
	}
	var access string
	var err error
	if g.api != nil {
		access, err = a.Mint(a.access(g))
	} else {
		access, err = a.sign(a.claims(g, object))
	}
	if err != nil {
		return nil, err
	}
	body := &tokenBody{Type: "Bearer", Expires: int(a.o.TokenLife.Seconds()), Access: access, RefreshIn: int(a.o.RefreshIn.Seconds())}
	body.Ext = body.Expires
	if g.user != nil {
		if err := a.sessionOf(g, body); err != nil {
			return nil, err
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stats.Issued++
	if g.refreshed {
		a.stats.Refreshes++
	}
	return body, nil
}

// sessionOf adds what only a signed-in user's client gets.
func (a *Authority) sessionOf(g *grant, body *tokenBody) error {
	now := time.Now()
	id := jwt.MapClaims{
		"aud": g.app.ClientID, "iss": a.issuer(g.root), "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(a.o.TokenLife).Unix(),
		"oid": g.user.ID, "sub": pairwise(g.user.ID, g.app.ClientID), "tid": a.o.TenantID, "preferred_username": g.user.Name, "name": cmp.Or(g.user.DisplayName, g.user.Name), "ver": "2.0",
	}
	if g.nonce != "" {
		id["nonce"] = g.nonce
	}
	signed, err := a.sign(id)
	if err != nil {
		return err
	}
	info, err := json.Marshal(map[string]string{"uid": g.user.ID, "utid": a.o.TenantID})
	if err != nil {
		return err
	}
	scopes := []string{"openid", "profile", "offline_access"}
	if g.api != nil {
		for _, s := range g.scopes {
			scopes = append(scopes, g.api.URI+"/"+s)
		}
	} else {
		for _, s := range g.app.Scopes {
			scopes = append(scopes, g.resource+"/"+s)
		}
		scopes = append(scopes, g.resource+"/.default")
	}
	body.Scope = strings.Join(scopes, " ")
	body.ID, body.Refresh, body.ClientInfo = signed, random()+random(), base64.RawURLEncoding.EncodeToString(info)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refreshes[body.Refresh] = session{g.app.ClientID, *g.user, g.spa}
	return nil
}
