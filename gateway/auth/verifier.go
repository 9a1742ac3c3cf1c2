package auth

import (
	"context"
	"crypto/x509"
	"errors"
	"time"

	"go.uber.org/zap"
)

const (
	// MaxBytes bounds what is looked at. Access tokens with 200 groups reach some 10 KiB.
	MaxBytes = 16 << 10

	// Skew is how far clocks may differ: a token is accepted this long before its beginning and after its end.
	Skew = time.Minute
)

// Options say whom a [Verifier] lets in. The zero value lets nobody in.
type Options struct {
	Anonymous bool   // whoever presents nothing is the anonymous caller
	KeysFile  string // YAML list of {name, sha256}: the API keys; empty: none

	Log *zap.Logger // nil: logs nothing

	RootCAs *x509.CertPool // that the issuer's certificate is judged by; nil: the system's
}

// Verifier says who callers are. It is safe for concurrent use.
type Verifier struct {
	anonymous bool
	keys      *keyring // nil: no API keys
	tickets   *tickets
}

// New returns a verifier that has read the API keys and fetched nothing yet. The error names the file and its lines.
func New(o Options) (*Verifier, error) {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	log := o.Log.Named("auth")
	v := &Verifier{anonymous: o.Anonymous, tickets: newTickets()}
	if o.KeysFile != "" {
		var err error
		if v.keys, err = openKeyring(o.KeysFile, log); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// Authenticate tells who presents c. The error is [ErrSignInRequired], a [*Refusal], or that of ctx. Only a token signed
// with a key that is not known yet is waited for, [keyWait] at most, while the issuer is asked.
func (v *Verifier) Authenticate(ctx context.Context, c Credential) (Principal, error) {
	switch {
	case c.Kind == Nothing && v.anonymous:
		return Principal{Anonymous: true}, nil
	case c.Kind == Nothing:
		return Principal{}, ErrSignInRequired
	case len(c.Value) > MaxBytes:
		return Principal{}, refuse(TooLarge, "what was presented is larger than any token or key that is accepted here: let the token hold fewer groups or roles")
	case c.Value == "":
		return Principal{}, refuse(Malformed, "present the token or key itself: Authorization: Bearer, a space, and the token")
	case c.Kind == Ticket, c.Kind == Either && isTicket(c.Value):
		return v.redeem(c.Value)
	}
	return v.bearer(ctx, c.Value)
}

func (v *Verifier) bearer(_ context.Context, value string) (Principal, error) {
	if v.keys != nil {
		if p, found := v.keys.find(fingerprintOf(value)); found {
			return p, nil
		}
	}
	return Principal{}, v.strange()
}

// strange refuses what is no token at all and no key that is known.
func (v *Verifier) strange() *Refusal {
	switch {
	case v.keys != nil:
		return refuse(Malformed, "this is no API key that is known here: see that it is the key itself, not its hash, and that it was not withdrawn")
	case v.anonymous:
		return refuse(Malformed, "no token is valid here: this gateway knows only anonymous callers, so present nothing")
	}
	return refuse(Malformed, "no token is valid here")
}

func (v *Verifier) redeem(ticket string) (Principal, error) {
	p, found := v.tickets.take(ticket)
	switch {
	case !found:
		return Principal{}, refuse(BadTicket, "a ticket is good for one use within 30 s, at the process that issued it: ask POST /v1/tickets for a new one")
	case !v.Stands(p):
		return Principal{}, refuse(Withdrawn, "the API key behind the ticket was withdrawn: sign in with another one")
	}
	return p, nil
}

// Ticket issues a ticket for p: good for one use within the lifetime that is returned, which ends with p's credential at the
// latest. Whoever presents it is p.
func (v *Verifier) Ticket(p Principal) (ticket string, lifetime time.Duration) {
	return v.tickets.issue(p)
}

// Stands reports whether p would still be let in with the API key that p came with. It says nothing of p.Expires.
func (v *Verifier) Stands(p Principal) bool {
	switch {
	case p.Anonymous:
		return v.anonymous
	case p.Key != "":
		return v.keys != nil && v.keys.holds(p)
	}
	return true
}

// Changed returns a channel that is closed when somebody who was let in may no longer stand.
func (v *Verifier) Changed() <-chan struct{} {
	if v.keys == nil {
		return nil
	}
	return v.keys.changes()
}

// Run follows the API keys file and the issuer's keys until ctx ends. It returns nil.
func (v *Verifier) Run(ctx context.Context) error {
	if v.keys != nil {
		return v.keys.run(ctx)
	}
	<-ctx.Done()
	return nil
}

var _ error = (*Refusal)(nil)

// Refused returns the refusal that err is, if it is one.
func Refused(err error) (*Refusal, bool) {
	var r *Refusal
	ok := errors.As(err, &r)
	return r, ok
}
