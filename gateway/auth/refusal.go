package auth

import "errors"

// ErrSignInRequired says that nothing was presented, and that this is not enough here.
var ErrSignInRequired = errors.New("sign-in required: present an access token or an API key")

// Refusal says why what was presented is not accepted. It holds nothing of it.
type Refusal struct {
	Reason Reason
	Remedy string // what the caller can do, in one sentence without a full stop
}

// Error says both.
func (r *Refusal) Error() string { return "sign-in refused (" + string(r.Reason) + "): " + r.Remedy }

// Passing reports whether nothing is known against the credential: it could not be judged now, and may be presented again.
func (r *Refusal) Passing() bool { return r.Reason == KeysUnavailable }

// Reason is why a credential is refused, from a small set: it is a metric's label.
type Reason string

// The reasons.
const (
	Malformed       Reason = "malformed"        // neither a known API key nor a well-formed token
	TooLarge        Reason = "too_large"        // over [MaxBytes]
	Algorithm       Reason = "algorithm"        // not signed with RS256
	Header          Reason = "header"           // a header that names its own key, or that must be understood and is not
	IDToken         Reason = "id_token"         // says who signed in, to another program; not for an API
	Issuer          Reason = "issuer"           // of another issuer
	Tenant          Reason = "tenant"           // of a tenant that is not let in
	Audience        Reason = "audience"         // made for another API
	Version         Reason = "version"          // of the other version of Entra's tokens
	Expired         Reason = "expired"          // ended
	NotYetValid     Reason = "not_yet_valid"    // begins later
	Subject         Reason = "subject"          // does not say whom it is about
	Scope           Reason = "scope"            // lacks the scope
	Role            Reason = "role"             // lacks the role
	UnknownKey      Reason = "unknown_key"      // signed with a key that the issuer does not publish
	KeysUnavailable Reason = "keys_unavailable" // the issuer's keys could not be fetched yet, or for a day
	Signature       Reason = "signature"        // altered, or signed by someone else
	BadTicket       Reason = "ticket"           // used before, expired or never issued
	Withdrawn       Reason = "withdrawn"        // the API key behind a ticket was removed
)

func refuse(why Reason, remedy string) *Refusal { return &Refusal{why, remedy} }
