package credential

import (
	"context"
	"crypto/x509"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/internal/trust"
	"github.com/presence-gateway/presence-gateway/poller/graph"
)

// Entra is the application's sign-in. It is safe for concurrent use; callers who need a token at one time share one
// sign-in.
//
// While [Entra.Run] runs, it reads changed files, renews the token ahead of its end and keeps trying after a failure. Without
// it, as in a command that asks once, all that happens when [Entra.Token] is called.
type Entra struct {
	o         Options
	audience  audience
	transport *trust.Transport
	log       *zap.Logger

	mu       sync.Mutex
	files    []*file
	trusted  *x509.CertPool
	loaded   bool      // the files were looked at
	broken   *Error    // why the files as they are cannot be used
	told     string    // what the log has of that
	minded   time.Time // when the log last spoke of the certificate's end
	proven   *login    // gave a token
	proposed *login    // made from newer files, not tried with success yet
	running  bool
	changed  chan struct{}
	ended    sync.WaitGroup // of flights

	token    graph.Token
	obtained time.Time
	renewAt  time.Time // when to have a new one

	claims     string // a challenge to answer with the next sign-in
	answered   string // the challenge that token answered
	renew      bool   // Graph refused the token without a challenge
	complained bool   // of a challenge that is not answered

	flight    *flight
	signIn    *SignIn // a person is being waited for
	failure   *Error  // of the last sign-in; nil after a good one
	reported  string  // the failure that the log has
	failures  int     // running
	notBefore time.Time
}

// New checks the options and returns a credential that nothing was done with yet: no file is read and nothing is sent. The
// error is an [*Error].
func New(o Options) (*Entra, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	a, err := pair(&o)
	if err != nil {
		return nil, err
	}
	e := &Entra{o: o, audience: a, transport: trust.NewTransport(o.Trust, newTransport), trusted: o.Trust.Pool(), log: o.Log.Named("credential"), changed: make(chan struct{})}
	for _, f := range []struct {
		kind      Kind
		key, path string
		instead   Secret
	}{
		{ClientSecret, keySecret, o.ClientSecretFile, o.ClientSecret},
		{ClientCertificate, keyCertificate, o.CertificateFile, ""},
		{ClientCertificate, keyPassword, o.CertificatePasswordFile, o.CertificatePassword},
		{WorkloadIdentity, keyFederated, o.FederatedTokenFile, ""},
	} {
		if f.kind == o.Kind && f.path != "" && f.instead == "" {
			e.files = append(e.files, &file{key: f.key, path: f.path})
		}
	}
	return e, nil
}

func (e *Entra) fileOf(key string) *file {
	for _, f := range e.files {
		if f.key == key {
			return f
		}
	}
	return nil
}

// Token returns the access token, from memory nearly always. Where there is none, it waits for the sign-in that is under
// way, or begins one, unless the last one failed a moment ago: then it returns that failure at once. So it does while a
// person must sign in and [Entra.Run] waits for them. The error is an [*Error]; one that ended with ctx has ctx's in its chain.
func (e *Entra) Token(ctx context.Context) (graph.Token, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	if e.usable(now) && (e.running || !e.due(now)) {
		return e.token, nil
	}
	if e.flight == nil {
		e.load()
		switch {
		case e.held() || !e.possible():
			return e.best()
		default:
			e.takeOff()
		}
	}
	if e.running && e.signIn != nil {
		return e.best()
	}
	f := e.flight
	f.passengers++
	e.mu.Unlock()
	var late error
	select {
	case <-f.landed:
	case <-ctx.Done():
		late = context.Cause(ctx)
	}
	e.mu.Lock()
	if f.passengers--; f.passengers == 0 && !e.running {
		f.cancel()
	}
	if late != nil {
		if token, err := e.best(); err == nil {
			return token, nil
		}
		if pending := e.pending(); pending != nil {
			pending.Err = late
			return graph.Token{}, pending
		}
		return graph.Token{}, &Error{Kind: Unreachable, Where: e.where(keyAuthority), Text: "no token in the time that the caller had", Err: late}
	}
	return e.best()
}

// best returns the token if it is still good, and why there is none else. e.mu is held.
func (e *Entra) best() (graph.Token, error) {
	switch pending := e.pending(); {
	case e.usable(time.Now()):
		return e.token, nil
	case pending != nil:
		return graph.Token{}, pending
	case e.failure != nil:
		return graph.Token{}, e.failure
	case e.broken != nil:
		return graph.Token{}, e.broken
	}
	return graph.Token{}, &Error{Kind: Unavailable, Text: "the sign-in ended before it was done"}
}

func (e *Entra) pending() *Error {
	if e.signIn == nil {
		return nil
	}
	return &Error{Kind: SignInPending, Text: "somebody must sign in", Remedy: "open " + e.signIn.URL + " and enter the code " + e.signIn.Code}
}

// usable reports whether the token may be given out: it lasts a moment longer, and Graph did not revoke it.
func (e *Entra) usable(now time.Time) bool {
	if e.token.Value == "" || e.claims != "" {
		return false
	}
	return e.token.Expires.IsZero() || now.Before(e.token.Expires.Add(-min(30*time.Second, e.token.Expires.Sub(e.obtained)/10)))
}

// due reports whether a sign-in is wanted.
func (e *Entra) due(now time.Time) bool {
	return e.token.Value == "" || e.claims != "" || e.renew || e.proposed != nil || !e.renewAt.IsZero() && !now.Before(e.renewAt)
}

// held reports whether it is too early for another sign-in.
func (e *Entra) held() bool { return time.Now().Before(e.notBefore) }

// possible reports whether there is anything to sign in with.
func (e *Entra) possible() bool { return e.proposed != nil || e.proven != nil }

// Changed returns a channel that is closed when there is reason to try at once what was refused: a sign-in succeeded after
// others had failed, or with files that changed.
func (e *Entra) Changed() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.changed
}

func (e *Entra) notify() {
	close(e.changed)
	e.changed = make(chan struct{})
}

// Expires returns when the token ends that is in force, and when the certificate does that it was got with. Either is zero
// where it is not known: Entra does not tell an application when its secret ends.
func (e *Entra) Expires() (token, certificate time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.proven != nil {
		certificate = e.proven.certificate
	}
	return e.token.Expires, certificate
}

// Failure returns what is wrong now, whether or not the token still lasts: a sign-in that failed or waits for a person, files
// that cannot be used. Nil: nothing.
func (e *Entra) Failure() *Error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.signIn != nil:
		return e.pending()
	case e.failure != nil:
		return e.failure
	}
	return e.broken
}
