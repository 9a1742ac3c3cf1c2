package auth

import (
	"context"
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/presence-gateway/presence-gateway/internal/trust"
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
	JWT       JWT    // which access tokens are accepted

	Log *zap.Logger // nil: logs nothing

	Trust *trust.Authorities // that the issuer's certificate is judged by, followed; nil: the system's
}

// Verifier says who callers are. It is safe for concurrent use.
type Verifier struct {
	anonymous bool
	keys      *keyring // nil: no API keys
	tickets   *tickets

	issuer   *issuer // nil: no access tokens
	trust    *trust.Authorities
	chain    *keychain
	verified verified
}

// New returns a verifier that has read the API keys and fetched nothing yet. The error names the option, or the file and its lines
// ([*FileError]).
func New(o Options) (*Verifier, error) {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	log := o.Log.Named("auth")
	v := &Verifier{anonymous: o.Anonymous, tickets: newTickets(), trust: o.Trust}
	if o.KeysFile != "" {
		var err error
		if v.keys, err = openKeyring(o.KeysFile, log); err != nil {
			return nil, err
		}
	}
	if o.JWT.Issuer != "" {
		var err error
		if v.issuer, err = newIssuer(o.JWT); err != nil {
			return nil, err
		}
		v.chain = newKeychain(newFetcher(v.issuer, o.Trust), o.Trust.Changed, log)
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

func (v *Verifier) bearer(ctx context.Context, value string) (Principal, error) {
	print := fingerprintOf(value)
	if v.keys != nil {
		if p, found := v.keys.find(print); found {
			return p, nil
		}
	}
	if v.issuer == nil || !looksLikeToken(value) {
		return Principal{}, v.strange()
	}
	now := time.Now()
	if p, found := v.verified.find(print, v.chain.current(), now); found {
		return p, nil
	}
	return v.token(ctx, value, print, now)
}

// token judges an access token: first what it says, then whether the issuer said so.
func (v *Verifier) token(ctx context.Context, value string, print fingerprint, now time.Time) (Principal, error) {
	t, no := v.issuer.parse(value)
	if no != nil {
		return Principal{}, no
	}
	p, no := v.issuer.judge(&t.claims, now)
	if no != nil {
		return Principal{}, no
	}
	key, set, err := v.chain.find(ctx, t.keyID)
	if err != nil {
		return Principal{}, err
	}
	if no := v.issuer.fits(key, &t.claims); no != nil {
		return Principal{}, no
	}
	if jwt.SigningMethodRS256.Verify(t.signed, t.signature, key.PublicKey) != nil {
		return Principal{}, refuse(Signature, "the token was altered, or somebody else signed it: present it whole, as the sign-in service gave it out")
	}
	v.verified.add(print, proven{principal: p, begins: t.claims.notBefore, by: set})
	return p, nil
}

// strange refuses what is no token at all and no key that is known.
func (v *Verifier) strange() *Refusal {
	switch {
	case v.keys != nil && v.issuer != nil:
		return refuse(Malformed, "this is neither an access token nor an API key that is known here: present the token or key whole")
	case v.keys != nil:
		return refuse(Malformed, "this is no API key that is known here: see that it is the key itself, not its hash, and that it was not withdrawn")
	case v.issuer != nil:
		return errMalformed
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
	var g errgroup.Group
	if v.keys != nil {
		g.Go(func() error { return v.keys.run(ctx) })
	}
	if v.chain != nil {
		g.Go(func() error { return v.chain.run(ctx) })
	}
	<-ctx.Done()
	return g.Wait()
}

// FetchKeys fetches the issuer's keys once, for somebody who wants to know whether that works. It changes nothing.
func (v *Verifier) FetchKeys(ctx context.Context) (Keys, error) {
	if v.issuer == nil {
		return Keys{}, errors.New("auth: no issuer is configured")
	}
	f := newFetcher(v.issuer, v.trust)
	set, err := f.keys(ctx, true)
	if err != nil {
		return Keys{}, err
	}
	return Keys{Where: f.where, Usable: len(set.keys)}, nil
}

// Keys is what was found of an issuer's keys.
type Keys struct {
	Where  string // their URL
	Usable int
}

// APIKeys returns how many API keys are in force.
func (v *Verifier) APIKeys() int {
	if v.keys == nil {
		return 0
	}
	return v.keys.count()
}

// KeyNames returns the names of the API keys in force.
func (v *Verifier) KeyNames() map[string]bool {
	if v.keys == nil {
		return nil
	}
	return v.keys.names()
}

var _ error = (*Refusal)(nil)

// Refused returns the refusal that err is, if it is one.
func Refused(err error) (*Refusal, bool) {
	var r *Refusal
	ok := errors.As(err, &r)
	return r, ok
}
