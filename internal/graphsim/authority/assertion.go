package authority

import (
	"crypto/sha1" // a thumbprint's name in JOSE, not a protection
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const exchange = "api://AzureADTokenExchange"

// proveByAssertion checks a token that the application signed with its certificate (private_key_jwt), or that an
// issuer signed whom the application trusts.
func (a *Authority) proveByAssertion(r *http.Request, app *App, assertion string) *refusal {
	unverified, _, err := jwt.NewParser().ParseUnverified(assertion, &jwt.RegisteredClaims{})
	if err != nil {
		return &refusal{http.StatusUnauthorized, "invalid_client", 50027, "JWT token is invalid or malformed."}
	}
	claims := unverified.Claims.(*jwt.RegisteredClaims)
	if claims.Issuer != app.ClientID {
		return app.federated(claims, assertion)
	}
	certificate := app.certificate(unverified.Header)
	if certificate == nil {
		return &refusal{http.StatusUnauthorized, "invalid_client", 700027, "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found., Thumbprint of key used by client: 'unknown', Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '" + app.ClientID + "'.]"}
	}
	if now := time.Now(); now.After(certificate.NotAfter) || now.Before(certificate.NotBefore) {
		return &refusal{http.StatusUnauthorized, "invalid_client", 700027, "The certificate used to sign the client assertion is expired on application. [Reason - The key used is expired.]"}
	}
	root := base(r) + "/" + r.PathValue("tenant")
	_, err = jwt.NewParser(jwt.WithValidMethods([]string{"RS256", "PS256"}), jwt.WithExpirationRequired(), jwt.WithLeeway(5*time.Minute)).
		ParseWithClaims(assertion, claims, func(*jwt.Token) (any, error) { return certificate.PublicKey, nil })
	switch {
	case errors.Is(err, jwt.ErrTokenExpired) || errors.Is(err, jwt.ErrTokenNotValidYet):
		return outOfTime
	case err != nil:
		return &refusal{http.StatusUnauthorized, "invalid_client", 700027, "Client assertion failed signature validation. [Reason - The key used is not the key of the certificate.]"}
	case claims.Subject != app.ClientID:
		return &refusal{http.StatusUnauthorized, "invalid_client", 700021, "Client assertion application identifier doesn't match 'client_id' parameter."}
	case !slices.Contains(claims.Audience, root+"/oauth2/v2.0/token") && !slices.Contains(claims.Audience, root+"/v2.0"):
		return &refusal{http.StatusUnauthorized, "invalid_client", 700023, "Client assertion audience claim does not match Realm issuer."}
	case claims.ID == "" || !a.first(claims.ID, claims.ExpiresAt.Time):
		return &refusal{http.StatusUnauthorized, "invalid_client", 700033, "Client assertion was used before, or has no identifier."}
	}
	return nil
}

var outOfTime = &refusal{http.StatusUnauthorized, "invalid_client", 700024, "Client assertion is not within its valid time range. Current time and the times of the assertion differ."}

// federated checks a token of another issuer. Those are used many times over, so that no identifier is kept.
func (app *App) federated(claims *jwt.RegisteredClaims, assertion string) *refusal {
	at := slices.IndexFunc(app.Federations, func(f Federation) bool { return f.Issuer == claims.Issuer })
	if at < 0 {
		return &refusal{http.StatusUnauthorized, "invalid_client", 700211, "No matching federated identity record found for presented assertion issuer '" + claims.Issuer + "'. Please check your federated identity credential Subject, Audience and Issuer against the presented assertion."}
	}
	f := app.Federations[at]
	audience := f.Audience
	if audience == "" {
		audience = exchange
	}
	_, err := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithExpirationRequired(), jwt.WithLeeway(time.Minute)).
		ParseWithClaims(assertion, claims, func(*jwt.Token) (any, error) { return f.Key, nil })
	switch {
	case errors.Is(err, jwt.ErrTokenExpired) || errors.Is(err, jwt.ErrTokenNotValidYet):
		return outOfTime
	case err != nil:
		return &refusal{http.StatusUnauthorized, "invalid_client", 50013, "Assertion failed signature validation."}
	case claims.Subject != f.Subject:
		return &refusal{http.StatusUnauthorized, "invalid_client", 700213, "No matching federated identity record found for presented assertion subject '" + claims.Subject + "'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion."}
	case !slices.Contains(claims.Audience, audience):
		return &refusal{http.StatusUnauthorized, "invalid_client", 700212, "No matching federated identity record found for presented assertion audience '" + strings.Join(claims.Audience, " ") + "'."}
	}
	return nil
}

// certificate finds the one that an assertion's header names by its thumbprint.
func (app *App) certificate(header map[string]any) *x509.Certificate {
	for _, c := range app.Certificates {
		long, short := sha256.Sum256(c.Raw), sha1.Sum(c.Raw)
		if named(header["x5t#S256"], long[:]) || named(header["x5t"], short[:]) {
			return c
		}
	}
	return nil
}

// named compares a thumbprint. JOSE writes base64url without padding; some client libraries write base64 with it.
func named(value any, print []byte) bool {
	text, _ := value.(string)
	text = strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(text)
	return text == base64.RawURLEncoding.EncodeToString(print)
}

// first reports whether an assertion's identifier is seen for the first time.
func (a *Authority) first(id string, expires time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	for other, end := range a.replayed {
		if now.After(end.Add(10 * time.Minute)) {
			delete(a.replayed, other)
		}
	}
	_, again := a.replayed[id]
	a.replayed[id] = expires
	return !again
}
