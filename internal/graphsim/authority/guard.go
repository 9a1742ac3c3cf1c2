package authority

import (
	"errors"
	"net/http"
	"strings"
	"time"
)

// Guard lets pass to next, a simulated Graph, what carries a token of this authority with any of the permissions. All
// else is answered as Graph does.
func (a *Authority) Guard(next http.Handler, permissions ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") || token == "" {
			refuse(w, r, http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token is empty.")
			return
		}
		claims, err := a.Verify(token)
		var challenge *Challenge
		switch {
		case errors.As(err, &challenge):
			w.Header().Set("WWW-Authenticate", challenge.Header())
			refuse(w, r, http.StatusUnauthorized, "InvalidAuthenticationToken", err.Error())
		case err != nil:
			w.Header().Set("WWW-Authenticate", `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"`)
			refuse(w, r, http.StatusUnauthorized, "InvalidAuthenticationToken", err.Error())
		case !claims.Allows(permissions...):
			refuse(w, r, http.StatusForbidden, "Forbidden", "Insufficient privileges to complete the operation.")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func refuse(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	id := guid()
	w.Header().Set("request-id", id)
	w.Header().Set("client-request-id", r.Header.Get("client-request-id"))
	writeJSON(w, status, map[string]any{"error": map[string]any{
		"code": code, "message": message,
		"innerError": map[string]string{"date": time.Now().UTC().Format("2006-01-02T15:04:05"), "request-id": id, "client-request-id": r.Header.Get("client-request-id")},
	}})
}
