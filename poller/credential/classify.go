package credential

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// verdict is what one of Entra's codes means here.
type verdict struct {
	kind   Reason
	where  string // key of the configuration to look at
	text   string
	remedy string
}

const (
	remedySecret   = "make a new client secret in the app registration (Certificates & secrets) and put its value, not its id, into the file; it is tried at once"
	remedyConsent  = "let an administrator grant admin consent for Presence.Read.All (app registration, API permissions)"
	remedyCloud    = "set graph.cloud to the tenant's cloud: global, us-gov-l4 or us-gov-l5"
	remedyTenant   = "take the directory (tenant) id from the app registration's overview, and see that graph.cloud is the tenant's"
	remedyApp      = "take the application (client) id from the app registration's overview, and see that graph.credential.tenant_id is the tenant it is in"
	remedyFederate = "compare issuer, subject and audience of the app registration's federated credential with the workload's token"
	remedySignIn   = "sign in again when the log shows a new code"
)

// verdicts are Entra's codes ("Microsoft Entra authentication and authorization error codes"). They may change: a code that is
// missing here is told in Entra's own words.
var verdicts = map[int]verdict{
	7000215: {SecretInvalid, keySecret, "Entra does not know the client secret", remedySecret},
	7000222: {SecretExpired, keySecret, "the client secret has expired", remedySecret},

	700027: {CertificateInvalid, keyCertificate, "Entra refuses the certificate: it is not registered with the application, or expired", "upload the certificate (without its key) to the app registration, Certificates & secrets"},
	700030: {CertificateInvalid, keyCertificate, "Entra refuses the certificate's subject", "upload the certificate (without its key) to the app registration, Certificates & secrets"},
	700024: {ClockSkew, "", "the signed assertion is not within its time", "set this machine's clock; a workload's token may also have ended"},

	700016:  {AppNotFound, keyClient, "the tenant has no such application", remedyApp},
	7000112: {AppDisabled, keyClient, "the application is disabled", "let an administrator enable it (enterprise application, Properties)"},
	7000229: {ConsentMissing, keyClient, "nobody has agreed to the application in this tenant", remedyConsent},
	65001:   {ConsentMissing, keyClient, "nobody has agreed to the application's permissions", remedyConsent},
	501051:  {ConsentMissing, keyClient, "the application is not assigned to what it asks for", remedyConsent},
	50105:   {AccessBlocked, keyClient, "the user is not assigned to the application", "assign the user to the enterprise application"},
	7000218: {NotPublic, keyClient, "the application does not allow the device code flow", "set Allow public client flows to yes (app registration, Authentication)"},

	90002:  {TenantNotFound, keyTenant, "there is no such tenant in this cloud", remedyTenant},
	900023: {TenantNotFound, keyTenant, "that is no tenant", remedyTenant},
	900021: {TenantNotFound, keyTenant, "that is no tenant", remedyTenant},
	50059:  {TenantNotFound, keyTenant, "the request names no tenant", remedyTenant},

	90038:  {WrongCloud, keyCloud, "the tenant belongs to another national cloud", remedyCloud},
	900382: {WrongCloud, keyCloud, "the application belongs to another national cloud", remedyCloud},
	900432: {WrongCloud, keyCloud, "the application belongs to another national cloud", remedyCloud},
	900439: {WrongCloud, keyCloud, "the application belongs to the US Government cloud", remedyCloud},
	500011: {WrongCloud, keyCloud, "the tenant has no Graph of this name", remedyCloud},

	53003:  {AccessBlocked, keyClient, "a conditional access policy blocks the sign-in", "let an administrator except the application, or look at the sign-in log for the policy"},
	50034:  {AccessBlocked, keyTenant, "the user has no account in this tenant", "sign in with an account of the tenant"},
	50057:  {AccessBlocked, keyTenant, "the user's account is disabled", "sign in with another account"},
	50076:  {SignInDeclined, "", "the user must sign in with a second factor", remedySignIn},
	50079:  {SignInDeclined, "", "the user must register a second factor", remedySignIn},
	50173:  {SignInDeclined, "", "the user's sign-in was ended, as by a changed password", remedySignIn},
	70043:  {SignInDeclined, "", "the user's sign-in has ended", remedySignIn},
	700082: {SignInDeclined, "", "the user's sign-in has ended, unused for too long", remedySignIn},
	70020:  {SignInDeclined, "", "nobody entered the code in time", remedySignIn},

	700211: {FederationMismatch, keyFederated, "the application trusts no such issuer of tokens", remedyFederate},
	700212: {FederationMismatch, keyFederated, "the workload's token is for another audience", remedyFederate},
	700213: {FederationMismatch, keyFederated, "the application trusts no such workload", remedyFederate},
	70021:  {FederationMismatch, keyFederated, "the application has no federated credential for this token", remedyFederate},
	50013:  {FederationMismatch, keyFederated, "Entra cannot verify the workload's token", remedyFederate},

	50196: {Throttled, "", "Entra sees too many sign-ins of this application", ""},
	90055: {Throttled, "", "Entra sees too many requests of this tenant", ""},
}

// oauthVerdicts are the standard's own codes, where there is none of Entra's.
var oauthVerdicts = map[string]verdict{
	"authorization_declined":  {SignInDeclined, "", "the user declined", remedySignIn},
	"access_denied":           {SignInDeclined, "", "the user declined", remedySignIn},
	"authorization_pending":   {SignInDeclined, "", "nobody entered the code in time", remedySignIn},
	"expired_token":           {SignInDeclined, "", "nobody entered the code in time", remedySignIn},
	"temporarily_unavailable": {Unavailable, "", "Entra cannot answer now", ""},
}

// classify turns what a sign-in came to into an Error. Nothing of err is repeated but what is known to hold no secret.
func (e *Entra) classify(ctx context.Context, err error, t *testimony, l *login) *Error {
	known, found := verdicts[t.code]
	if !found {
		known, found = oauthVerdicts[t.oauth]
	}
	switch {
	case ctx.Err() != nil:
		return &Error{Kind: Unreachable, Where: e.where(keyAuthority), Text: "no answer in time", Err: ctx.Err()}
	case e.o.Kind == AzureDefault && t.host != e.audience.host: // the last of several that were tried
		return e.without(err, l)
	case t.err != nil:
		return e.unreached(t.err)
	case t.status == http.StatusTooManyRequests:
		return &Error{Kind: Throttled, Text: "the login endpoint asks for a pause", Code: t.code, RetryAfter: t.retryAfter}
	case found:
		return &Error{Kind: known.kind, Text: known.text, Code: t.code, Where: e.where(known.where), Remedy: known.remedy, RetryAfter: t.retryAfter}
	case t.status >= 500:
		return &Error{Kind: Unavailable, Text: fmt.Sprintf("the login endpoint answers %d", t.status), Code: t.code, RetryAfter: t.retryAfter}
	case t.status >= 300 && t.status < 400:
		return &Error{Kind: Refused, Where: e.where(keyAuthority), Text: fmt.Sprintf("it redirects to %.128q, a secret is not carried there", t.location), Remedy: "name the login endpoint itself"}
	case e.o.Kind == ManagedIdentity && t.status >= 400:
		return &Error{Kind: IdentityUnavailable, Where: e.where(keyClient), Text: fmt.Sprintf("the machine's identity endpoint answers %d: %s", t.status, conceal(t.text, 200, l.secrets...)), Remedy: "assign the managed identity to this machine; for a user-assigned one name its client id"}
	case t.status >= 400:
		return &Error{Kind: Refused, Text: "Entra refuses: " + conceal(t.text, 300, l.secrets...), Code: t.code, RetryAfter: t.retryAfter}
	case e.o.Kind == ManagedIdentity || e.o.Kind == AzureDefault:
		return e.without(err, l)
	}
	return &Error{Kind: Refused, Text: conceal(err.Error(), 300, l.secrets...)}
}

// without is about a machine that has nothing to sign in with.
func (e *Entra) without(err error, l *login) *Error {
	return &Error{Kind: IdentityUnavailable, Where: keyKind + " " + string(e.o.Kind), Text: conceal(err.Error(), 600, l.secrets...), Remedy: "give this machine an identity, or choose another kind"}
}

// unreached is about a request that got no answer.
func (e *Entra) unreached(err error) *Error {
	var stray *strayError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var bad x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err // its URL is said already
	}
	switch {
	case errors.As(err, &stray):
		return &Error{Kind: WrongCloud, Where: e.where(keyCloud), Text: stray.Error(), Remedy: remedyCloud}
	case errors.As(err, &unknown):
		return &Error{Kind: Untrusted, Where: e.where(keyAuthority), Text: "its TLS certificate is signed by an unknown authority", Remedy: "name that authority's certificate with " + keyCA + " if you trust it (a proxy that looks into TLS has one)"}
	case errors.As(err, &name), errors.As(err, &bad), errors.As(err, &record):
		return &Error{Kind: Untrusted, Where: e.where(keyAuthority), Text: "its TLS certificate is not good for it", Err: err, Remedy: "see that the host is the login endpoint's, and this machine's clock right"}
	}
	var timeout net.Error
	text := "it cannot be reached"
	if errors.As(err, &timeout) && timeout.Timeout() {
		text = "it does not answer in time"
	}
	where, remedy := e.where(keyAuthority), "see that this machine may reach it (name resolution, firewall, HTTPS_PROXY)"
	if e.o.Kind == ManagedIdentity {
		return &Error{Kind: IdentityUnavailable, Where: keyKind + " managed_identity", Text: "this machine has no identity endpoint that answers", Err: err, Remedy: "run where Azure gives the machine an identity, or choose another kind"}
	}
	return &Error{Kind: Unreachable, Where: where, Text: text, Err: err, Remedy: remedy}
}

// where names a key of the configuration and what it holds, if that is no secret.
func (e *Entra) where(key string) string {
	value := ""
	if e.o.Kind == AzureDefault {
		switch key {
		case keySecret:
			return "AZURE_CLIENT_SECRET"
		case keyCertificate:
			return "AZURE_CLIENT_CERTIFICATE_PATH"
		case keyClient:
			return "AZURE_CLIENT_ID"
		case keyTenant:
			return "AZURE_TENANT_ID"
		}
	}
	switch key {
	case keyTenant:
		value = e.o.TenantID
	case keyClient:
		if value = e.o.ClientID; value == "" && e.o.Kind == ManagedIdentity {
			return keyKind + " managed_identity"
		}
	case keyCloud:
		value = e.audience.cloud.name
	case keyAuthority:
		value = e.audience.authority
	case keySecret:
		if value = e.o.ClientSecretFile; value == "" {
			return "PRESENCE_GRAPH_CREDENTIAL_CLIENT_SECRET"
		}
	case keyCertificate:
		value = e.o.CertificateFile
	case keyPassword:
		if value = e.o.CertificatePasswordFile; value == "" {
			return "PRESENCE_GRAPH_CREDENTIAL_CERTIFICATE_PASSWORD"
		}
	case keyFederated:
		value = e.o.FederatedTokenFile
	}
	return strings.TrimSpace(key + " " + conceal(value, 160))
}
