package authority

import (
	"crypto"
	"crypto/x509"
	"time"
)

// App is an application registration. Those that no one registered are refused.
type App struct {
	ClientID     string
	Secrets      []Secret
	Certificates []*x509.Certificate // any of them proves the application by an assertion that it signed
	Federations  []Federation        // workload identities
	Roles        []string            // application permissions that an administrator granted, such as Presence.Read.All
	Scopes       []string            // delegated permissions that were granted
	Public       bool                // may use the device code flow
	RedirectURIs []string            // of a single-page application: people sign in on a page, with code and PKCE
	NoConsent    bool                // nobody agreed to it in this tenant
	Disabled     bool                // an administrator switched it off
	Blocked      bool                // a conditional access policy is against it
}

// Secret is a client secret.
type Secret struct {
	Value   string
	Expires time.Time // zero: never
}

// Federation trusts the tokens of another issuer, such as a Kubernetes cluster.
type Federation struct {
	Issuer, Subject string
	Audience        string           // default api://AzureADTokenExchange
	Key             crypto.PublicKey // that its tokens are signed with, RS256
}

// Register adds an application, or puts it in the place of the one with the same id.
func (a *Authority) Register(app App) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.apps[app.ClientID] = &app
}

// app returns a registration, or nil. It is never changed after it was registered.
func (a *Authority) app(clientID string) *App {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.apps[clientID]
}

// standing refuses an application that may not sign in at all.
func (app *App) standing(clientID string, delegated bool) *refusal {
	switch {
	case app == nil:
		return &refusal{400, "unauthorized_client", 700016, "Application with identifier '" + clientID + "' was not found in the directory 'Contoso'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."}
	case app.Disabled:
		return &refusal{400, "unauthorized_client", 7000112, "Application '" + clientID + "' is disabled."}
	case app.Blocked:
		return &refusal{400, "invalid_grant", 53003, "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance."}
	case app.NoConsent && delegated:
		return &refusal{400, "invalid_grant", 65001, "The user or administrator has not consented to use the application with ID '" + clientID + "'. Send an interactive authorization request for this user and resource."}
	case app.NoConsent:
		return &refusal{400, "unauthorized_client", 7000229, "The client application " + clientID + " is missing service principal in the tenant. See instructions here: https://go.microsoft.com/fwlink/?linkid=2225119."}
	}
	return nil
}
