package credential

import (
	"fmt"
	"strings"
	"time"
)

// Reason is why there is no token. Each has one remedy.
type Reason string

// The reasons.
const (
	Misconfigured       Reason = "misconfigured"        // an option is missing or cannot be
	WrongCloud          Reason = "wrong_cloud"          // tenant, login, scope or Graph belong to different clouds
	FileUnusable        Reason = "file_unusable"        // a file is missing, unreadable or empty
	SecretInvalid       Reason = "secret_invalid"       // Entra knows no such secret
	SecretExpired       Reason = "secret_expired"       // Entra knew it once
	CertificateInvalid  Reason = "certificate_invalid"  // unreadable, without its key, or not registered
	CertificateExpired  Reason = "certificate_expired"  // past its end
	AppNotFound         Reason = "app_not_found"        // the tenant has no such application
	AppDisabled         Reason = "app_disabled"         // an administrator switched it off
	TenantNotFound      Reason = "tenant_not_found"     // no such tenant in this cloud
	ConsentMissing      Reason = "consent_missing"      // nobody agreed to the application's permissions
	AccessBlocked       Reason = "access_blocked"       // conditional access, or a user who may not
	FederationMismatch  Reason = "federation_mismatch"  // the workload's token fits no federated credential
	ClockSkew           Reason = "clock_skew"           // this machine's clock, or an assertion that is too old
	IdentityUnavailable Reason = "identity_unavailable" // this machine has no such managed identity, or nothing to sign in with
	SignInPending       Reason = "sign_in_pending"      // a person must enter the device code
	SignInDeclined      Reason = "sign_in_declined"     // a person declined, or let the code expire
	NotPublic           Reason = "not_public"           // the application does not allow the device code flow
	Throttled           Reason = "throttled"            // Entra asks for a pause
	Unavailable         Reason = "unavailable"          // Entra answered that it cannot now
	Unreachable         Reason = "unreachable"          // no answer
	Untrusted           Reason = "untrusted"            // the other side's TLS certificate is not trusted
	Refused             Reason = "refused"              // anything else that Entra says
)

// Error is why there is no token, in one line: what is wrong, where, and what to do. None of its texts holds a secret, an
// assertion or a token, so all may be logged and shown to operators.
type Error struct {
	Kind       Reason
	Text       string        // what is wrong
	Code       int           // Entra's code, as in AADSTS7000215; 0: none
	Where      string        // the key of the configuration and what it names
	Remedy     string        // what to do
	RetryAfter time.Duration // how long Entra wants to be left alone; 0: it did not say
	Err        error         // the cause below, such as a refused connection; may be nil
}

// Error returns the line.
func (e *Error) Error() string {
	var line strings.Builder
	line.WriteString("credential: ")
	if e.Where != "" {
		line.WriteString(e.Where + ": ")
	}
	line.WriteString(e.Text)
	if e.Code != 0 {
		fmt.Fprintf(&line, " (AADSTS%d)", e.Code)
	}
	if e.Err != nil {
		line.WriteString(": " + conceal(e.Err.Error(), 256))
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&line, " (retry after %v)", e.RetryAfter)
	}
	if e.Remedy != "" {
		line.WriteString("; " + e.Remedy)
	}
	return line.String()
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Passing reports whether waiting may be all that is needed.
func (e *Error) Passing() bool {
	switch e.Kind {
	case Throttled, Unavailable, Unreachable:
		return true
	}
	return false
}

// invalid is an error about the configuration itself.
func invalid(kind Reason, where, text, remedy string) *Error {
	return &Error{Kind: kind, Where: where, Text: text, Remedy: remedy}
}
