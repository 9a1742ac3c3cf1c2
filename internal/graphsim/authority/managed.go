package authority

import (
	"crypto/subtle"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// ManagedIdentity returns the local endpoint that App Service gives a program whose managed identities the applications
// are, the first of them the system-assigned one ("Connect to Azure resources from app code", REST endpoint reference). It
// answers those who know header, by IDENTITY_ENDPOINT and IDENTITY_HEADER in their environment.
func (a *Authority) ManagedIdentity(header string, apps ...App) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("X-IDENTITY-HEADER")), []byte(header)) != 1 {
			deny(w, http.StatusForbidden, "The X-IDENTITY-HEADER is not valid.")
			return
		}
		resource := query.Get("resource")
		if query.Get("api-version") != "2019-08-01" || !slices.Contains(a.o.Resources, resource) {
			deny(w, http.StatusBadRequest, "The api-version or the resource is not valid.")
			return
		}
		at := slices.IndexFunc(apps, func(app App) bool { return query.Get("client_id") == "" || app.ClientID == query.Get("client_id") })
		if at < 0 {
			deny(w, http.StatusBadRequest, "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.")
			return
		}
		token, err := a.Issue(apps[at].ClientID, resource, apps[at].Roles...)
		if err != nil {
			deny(w, http.StatusInternalServerError, err.Error())
			return
		}
		a.count(func(s *Stats) *int { return &s.ManagedIdentity })
		writeJSON(w, http.StatusOK, map[string]string{
			"access_token": token, "expires_on": strconv.FormatInt(time.Now().Add(a.o.TokenLife).Unix(), 10),
			"resource": resource, "token_type": "Bearer", "client_id": apps[at].ClientID,
		})
	})
}

func deny(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]any{"statusCode": status, "message": message, "correlationId": guid()})
}
