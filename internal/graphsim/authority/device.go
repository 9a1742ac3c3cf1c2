package authority

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// User is somebody who signs in.
type User struct {
	ID          string // object id
	Name        string // user principal name
	DisplayName string
}

// device is a sign-in that began on one device and is to be finished on another.
type device struct {
	clientID, userCode, resource string
	expires                      time.Time
	user                         *User
	denied                       bool
}

// session is what a refresh token stands for.
type session struct {
	clientID string
	user     User
	spa      bool // of a single-page application
}

// serveDeviceCode is POST /{tenant}/oauth2/v2.0/devicecode.
func (a *Authority) serveDeviceCode(w http.ResponseWriter, r *http.Request) {
	if tenant := r.PathValue("tenant"); !a.knows(tenant) {
		a.noTenant(tenant).write(w)
		return
	}
	if r.ParseForm() != nil {
		(&refusal{http.StatusBadRequest, "invalid_request", 900144, "The request body could not be read."}).write(w)
		return
	}
	clientID := r.PostForm.Get("client_id")
	app := a.app(clientID)
	no := app.standing(clientID, true)
	if no == nil && !app.Public {
		no = notPublic
	}
	var resource string
	if no == nil {
		resource, no = a.resource(r.PostForm.Get("scope"), false)
	}
	if no != nil {
		no.write(w)
		return
	}
	code := random()
	d := &device{clientID: clientID, userCode: random()[:9], resource: resource, expires: time.Now().Add(a.o.CodeLife)}
	a.mu.Lock()
	a.stats.DeviceCodes++
	a.devices[code] = d
	a.mu.Unlock()
	url := base(r) + "/device"
	writeJSON(w, http.StatusOK, map[string]any{
		"device_code": code, "user_code": d.userCode, "verification_uri": url,
		"expires_in": int(a.o.CodeLife.Seconds()), "interval": 5,
		"message": fmt.Sprintf("To sign in, use a web browser to open the page %s and enter the code %s to authenticate.", url, d.userCode),
	})
}

var notPublic = &refusal{http.StatusUnauthorized, "invalid_client", 7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."}

// Approve is a user who enters a code and agrees. It reports whether there is such a code.
func (a *Authority) Approve(userCode string, u User) bool {
	return a.decide(userCode, func(d *device) { d.user = &u })
}

// Deny is a user who enters a code and declines.
func (a *Authority) Deny(userCode string) bool {
	return a.decide(userCode, func(d *device) { d.denied = true })
}

func (a *Authority) decide(userCode string, then func(*device)) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, d := range a.devices {
		if strings.EqualFold(d.userCode, userCode) && time.Now().Before(d.expires) {
			then(d)
			return true
		}
	}
	return false
}

// EndSessions makes every refresh token worthless and signs every browser out, as a changed password does.
func (a *Authority) EndSessions() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.refreshes)
	clear(a.browsers)
}

// redeem is one poll of a device code.
func (a *Authority) redeem(app *App, clientID, code string) (*User, string, *refusal) {
	if no := app.standing(clientID, true); no != nil {
		return nil, "", no
	}
	if !app.Public {
		return nil, "", notPublic
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	d := a.devices[code]
	switch {
	case d == nil || d.clientID != clientID:
		return nil, "", &refusal{http.StatusBadRequest, "bad_verification_code", 70018, "The verification code is not valid."}
	case !time.Now().Before(d.expires):
		delete(a.devices, code)
		return nil, "", &refusal{http.StatusBadRequest, "expired_token", 70020, "The provided value for the input parameter 'device_code' is not valid. This device code has expired."}
	case d.denied:
		delete(a.devices, code)
		return nil, "", &refusal{http.StatusBadRequest, "authorization_declined", 70000, "The user declined."}
	case d.user == nil:
		return nil, "", &refusal{http.StatusBadRequest, "authorization_pending", 70016, "OAuth 2.0 device flow error. Authorization is pending. Continue polling."}
	}
	delete(a.devices, code)
	return d.user, d.resource, nil
}

// renew looks at a refresh token. It stays good: Entra does not end it with its use. A single-page application's is replaced.
func (a *Authority) renew(r *http.Request, app *App, g *grant) *refusal {
	clientID, token := r.PostForm.Get("client_id"), r.PostForm.Get("refresh_token")
	if no := app.standing(clientID, true); no != nil {
		return no
	}
	a.mu.Lock()
	s, ok := a.refreshes[token]
	a.mu.Unlock()
	if !ok || s.clientID != clientID {
		return &refusal{http.StatusBadRequest, "invalid_grant", 50173, "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password."}
	}
	if s.spa {
		if no := a.crossOrigin(r, app); no != nil {
			return no
		}
		a.mu.Lock()
		delete(a.refreshes, token)
		a.mu.Unlock()
	}
	g.user, g.spa, g.refreshed = &s.user, s.spa, true
	return nil
}
