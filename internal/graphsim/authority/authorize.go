package authority

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	codeLife      = 10 * time.Minute // of an authorization code
	sessionCookie = "sim_session"
	shownPeople   = 40
)

// code is an authorization code: somebody signed in, and the program has yet to ask for its tokens.
type code struct {
	clientID, redirect, challenge, nonce, scope string
	user                                        User
	expires                                     time.Time
}

// authorization is one request to sign somebody in.
type authorization struct {
	clientID, redirect, state, challenge, nonce, scope, prompt, hint string
	fragment                                                         bool
}

// SetPeople says who can sign in on the page.
func (a *Authority) SetPeople(people func() []User) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.people = people
}

func (a *Authority) everyone() []User {
	a.mu.Lock()
	people := a.people
	a.mu.Unlock()
	if people == nil {
		return nil
	}
	return people()
}

// serveAuthorize is GET and POST /{tenant}/oauth2/v2.0/authorize: the page on which a person signs in, and their choice.
func (a *Authority) serveAuthorize(w http.ResponseWriter, r *http.Request) {
	a.count(func(s *Stats) *int { return &s.Authorize })
	query := r.URL.Query()
	q := authorization{clientID: query.Get("client_id"), redirect: query.Get("redirect_uri"), state: query.Get("state"), challenge: query.Get("code_challenge"),
		nonce: query.Get("nonce"), scope: query.Get("scope"), prompt: query.Get("prompt"), hint: query.Get("login_hint"), fragment: query.Get("response_mode") == "fragment"}
	if no := a.entrance(r, q); no != nil {
		// Whoever sent this person here is not known, so that nobody is sent back there.
		page(w, http.StatusBadRequest, failurePage, no)
		return
	}
	if no := a.wellAsked(query, q); no != nil {
		a.sendBack(w, r, q, url.Values{"error": {no.name}, "error_description": {no.description()}})
		return
	}
	user, signedIn := a.chosen(r)
	switch {
	case signedIn && (r.Method == http.MethodPost || q.prompt != "login" && q.prompt != "select_account"):
		a.welcome(w, r, q, user)
	case r.Method == http.MethodPost && r.PostFormValue("user") == "":
		a.sendBack(w, r, q, url.Values{"error": {"access_denied"}, "error_description": {"AADSTS65004: User declined to consent to access the app."}})
	case q.prompt == "none":
		no := &refusal{name: "login_required", code: 50058, text: "A silent sign-in request was sent but no user is signed in."}
		a.sendBack(w, r, q, url.Values{"error": {no.name}, "error_description": {no.description()}})
	default:
		a.choose(w, r, q)
	}
}

// entrance checks who sends a person here, and where they would be sent back to.
func (a *Authority) entrance(r *http.Request, q authorization) *refusal {
	if !a.knows(r.PathValue("tenant")) {
		return a.noTenant(r.PathValue("tenant"))
	}
	app := a.app(q.clientID)
	if no := app.standing(q.clientID, true); no != nil {
		return no
	}
	if !slices.Contains(app.RedirectURIs, q.redirect) {
		return &refusal{http.StatusBadRequest, "invalid_request", 50011, "The redirect URI '" + q.redirect + "' specified in the request does not match the redirect URIs configured for the application '" + q.clientID + "'. Make sure the redirect URI sent in the request matches one added to your application in the Azure portal."}
	}
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		return &refusal{http.StatusBadRequest, "invalid_request", 90015, "The form was sent by another page."}
	}
	return nil
}

// wellAsked checks the rest, of which the program is told.
func (a *Authority) wellAsked(query url.Values, q authorization) *refusal {
	switch {
	case query.Get("response_type") != "code":
		return &refusal{name: "unsupported_response_type", code: 700054, text: "response_type '" + query.Get("response_type") + "' is not enabled for the application."}
	case q.challenge == "" || query.Get("code_challenge_method") != "S256":
		return &refusal{name: "invalid_request", code: 9002325, text: "Proof Key for Code Exchange is required for cross-origin authorization code redemption."}
	case !slices.Contains([]string{"", "query", "fragment"}, query.Get("response_mode")):
		return &refusal{name: "invalid_request", code: 900144, text: "response_mode '" + query.Get("response_mode") + "' is not supported for a single-page application."}
	}
	_, no := a.target(q.scope, false)
	return no
}

// chosen is who signs in: whoever the form names, or who did so before in this browser.
func (a *Authority) chosen(r *http.Request) (User, bool) {
	id := r.PostFormValue("user")
	if r.Method == http.MethodGet {
		cookie, err := r.Cookie(sessionCookie)
		if err != nil {
			return User{}, false
		}
		a.mu.Lock()
		id = a.browsers[cookie.Value]
		a.mu.Unlock()
	}
	for _, user := range a.everyone() {
		if id != "" && user.ID == id {
			return user, true
		}
	}
	return User{}, false
}

// welcome sends somebody who signed in back to the program, with a code for it.
func (a *Authority) welcome(w http.ResponseWriter, r *http.Request, q authorization, user User) {
	name, browser := random()+random(), random()
	a.mu.Lock()
	a.codes[name] = code{q.clientID, q.redirect, q.challenge, q.nonce, q.scope, user, time.Now().Add(codeLife)}
	a.browsers[browser] = user.ID
	a.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: browser, Path: "/", HttpOnly: true, Secure: true, SameSite: http.SameSiteNoneMode})
	a.sendBack(w, r, q, url.Values{"code": {name}, "session_state": {guid()}})
}

func (a *Authority) sendBack(w http.ResponseWriter, r *http.Request, q authorization, values url.Values) {
	if q.state != "" {
		values.Set("state", q.state)
	}
	mark := "?"
	if q.fragment {
		mark = "#"
	} else if strings.Contains(q.redirect, "?") {
		mark = "&"
	}
	http.Redirect(w, r, q.redirect+mark+values.Encode(), http.StatusFound)
}

// exchange redeems an authorization code. It is good for one attempt.
func (a *Authority) exchange(r *http.Request, app *App, g *grant) *refusal {
	form := r.PostForm
	if no := app.standing(form.Get("client_id"), true); no != nil {
		return no
	}
	if no := a.crossOrigin(r, app); no != nil {
		return no
	}
	a.mu.Lock()
	c, found := a.codes[form.Get("code")]
	delete(a.codes, form.Get("code"))
	a.mu.Unlock()
	proof := sha256.Sum256([]byte(form.Get("code_verifier")))
	switch {
	case !found || c.clientID != form.Get("client_id"):
		return &refusal{http.StatusBadRequest, "invalid_grant", 54005, "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token."}
	case !time.Now().Before(c.expires):
		return &refusal{http.StatusBadRequest, "invalid_grant", 70008, "The provided authorization code or refresh token has expired due to inactivity."}
	case c.redirect != form.Get("redirect_uri"):
		return &refusal{http.StatusBadRequest, "invalid_grant", 500112, "The reply address '" + form.Get("redirect_uri") + "' does not match the reply address '" + c.redirect + "' provided when requesting Authorization code."}
	case base64.RawURLEncoding.EncodeToString(proof[:]) != c.challenge:
		return &refusal{http.StatusBadRequest, "invalid_grant", 501481, "The Code_Verifier does not match the code_challenge supplied in the authorization request."}
	}
	g.user, g.nonce, g.spa = &c.user, c.nonce, true
	var no *refusal
	g.target, no = a.target(cmp.Or(form.Get("scope"), c.scope), false)
	return no
}

// crossOrigin wants a single-page application's own page behind a request, as its browser says.
func (a *Authority) crossOrigin(r *http.Request, app *App) *refusal {
	origin := r.Header.Get("Origin")
	switch {
	case len(app.RedirectURIs) == 0:
		return notPublic
	case origin == "":
		return &refusal{http.StatusBadRequest, "invalid_request", 9002327, "Tokens issued for the 'Single-Page Application' client-type may only be redeemed via cross-origin requests."}
	case !slices.ContainsFunc(app.RedirectURIs, func(uri string) bool { return originOf(uri) == origin }):
		return &refusal{http.StatusBadRequest, "invalid_request", 9002326, "Cross-origin token redemption is permitted only for the 'Single-Page Application' client-type. Request origin: '" + origin + "'."}
	}
	return nil
}

func originOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// serveLogout ends the browser's session, and sends it back where it came from.
func (a *Authority) serveLogout(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(sessionCookie); err == nil {
		a.mu.Lock()
		delete(a.browsers, cookie.Value)
		a.mu.Unlock()
	}
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Path: "/", MaxAge: -1, HttpOnly: true, Secure: true, SameSite: http.SameSiteNoneMode})
	back := r.URL.Query().Get("post_logout_redirect_uri")
	a.mu.Lock()
	known := false
	for _, app := range a.apps {
		known = known || slices.Contains(app.RedirectURIs, back)
	}
	a.mu.Unlock()
	if known {
		http.Redirect(w, r, back, http.StatusFound)
		return
	}
	page(w, http.StatusOK, leftPage, nil)
}

// open lets pages of other origins read an answer: all of them what is public, a single-page application's its tokens.
func (a *Authority) open(public bool, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		if public {
			w.Header().Set("Access-Control-Allow-Origin", "*")
		} else if origin != "" && a.hasPages(origin) {
			w.Header().Set("Access-Control-Allow-Origin", origin)
			w.Header().Add("Vary", "Origin")
		}
		if r.Method == http.MethodOptions {
			w.Header().Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
			w.Header().Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers"))
			w.Header().Set("Access-Control-Max-Age", "600")
			w.WriteHeader(http.StatusOK)
			return
		}
		next(w, r)
	}
}

func (a *Authority) hasPages(origin string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, app := range a.apps {
		if slices.ContainsFunc(app.RedirectURIs, func(uri string) bool { return originOf(uri) == origin }) {
			return true
		}
	}
	return false
}

// choose shows the page.
func (a *Authority) choose(w http.ResponseWriter, r *http.Request, q authorization) {
	wanted := strings.ToLower(cmp.Or(r.URL.Query().Get("sim_search"), q.hint))
	shown := struct {
		Action, Search string
		Hidden         url.Values
		People         []User
		More           int
	}{Action: r.URL.String(), Search: wanted, Hidden: r.URL.Query()}
	shown.Hidden.Del("sim_search")
	for _, user := range a.everyone() {
		switch {
		case !strings.Contains(strings.ToLower(user.DisplayName+" "+user.Name+" "+user.ID), wanted):
		case len(shown.People) < shownPeople:
			shown.People = append(shown.People, user)
		default:
			shown.More++
		}
	}
	page(w, http.StatusOK, choicePage, shown)
}

func page(w http.ResponseWriter, status int, t *template.Template, with any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'")
	w.Header().Set("X-Frame-Options", "DENY")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	_ = t.Execute(w, with) // the browser has gone, if anything
}
