package credential

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/poller/graph"
)

const (
	// patience is how long a person may take to sign in: Entra's device codes live 15 minutes.
	patience = 16 * time.Minute
	// The pause after a failed sign-in doubles from the first to the last of these.
	firstPause, lastPause = 2 * time.Second, 10 * time.Second
	// While there is a good token, it doubles up to this.
	idlePause = time.Minute
	// ask is a claims request that asks for nothing beyond what every request asks for. Any claims make azidentity
	// leave its cache alone: when to renew is ours to say.
	ask = `{"access_token":{}}`
)

// flight is one sign-in, which all who need a token share. It ends when the last of them has left, unless Run waits for
// it, too.
type flight struct {
	landed     chan struct{}
	cancel     context.CancelFunc
	passengers int
}

// takeOff begins a sign-in. e.mu is held.
func (e *Entra) takeOff() {
	timeout := e.o.Timeout
	if e.o.Kind == DeviceCode {
		timeout = patience
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	e.flight = &flight{landed: make(chan struct{}), cancel: cancel}
	e.ended.Add(1)
	go e.fly(ctx, e.flight)
}

func (e *Entra) fly(ctx context.Context, f *flight) {
	defer e.ended.Done()
	defer f.cancel()
	e.mu.Lock()
	proposed, proven, claims, renew := e.proposed, e.proven, e.claims, e.renew
	e.mu.Unlock()
	l := proposed
	if l == nil {
		l = proven
	}
	if renew && e.o.Kind == AzureDefault {
		// Its tools take no claims, so its caches are left behind with it.
		if fresh, err := e.newLogin(); err == nil {
			l = fresh
		}
	}
	token, failure := e.acquire(ctx, l, claims)
	e.mu.Lock()
	needed := !e.usable(time.Now())
	e.mu.Unlock()
	if failure != nil && proposed != nil && proven != nil && needed && !failure.Passing() {
		e.complain(failure, "new credential is refused, the old one is tried")
		if older, err := e.acquire(ctx, proven, claims); err == nil {
			e.land(f, proven, older, claims, failure)
			return
		}
	}
	e.land(f, l, token, claims, failure)
}

// acquire asks for one token. l.used is touched by one flight at a time.
func (e *Entra) acquire(ctx context.Context, l *login, claims string) (azcore.AccessToken, *Error) {
	var t testimony
	o := policy.TokenRequestOptions{Scopes: []string{e.audience.scope}, EnableCAE: true, Claims: claims}
	if claims == "" && l.used && e.o.Kind != AzureDefault {
		o.Claims = ask
	}
	token, err := l.credential.GetToken(watched(ctx, &t), o)
	var required *azidentity.AuthenticationRequiredError
	if errors.As(err, &required) {
		// No refresh token, or one that Entra refuses. Where Entra could only not be asked, nobody is troubled.
		if failure := e.classify(ctx, err, &t, l); t.asked && failure.Passing() {
			return token, failure
		}
		t = testimony{}
		device := l.credential.(*azidentity.DeviceCodeCredential)
		if _, err = device.Authenticate(watched(ctx, &t), &o); err == nil {
			o.Claims = ""
			token, err = device.GetToken(watched(ctx, &t), o)
		}
	}
	if err != nil {
		return token, e.classify(ctx, err, &t, l)
	}
	if err := e.audience.accepts(token.Token); err != nil {
		var wrong *Error
		errors.As(err, &wrong)
		return token, wrong
	}
	return token, nil
}

// land takes over what a flight brought. With a token and a failure, the failure is of the newer login, and the token
// of the older one.
func (e *Entra) land(f *flight, l *login, token azcore.AccessToken, claims string, failure *Error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	defer close(f.landed)
	recovered := e.failure != nil || e.failures > 0 || e.signIn != nil
	recovered = recovered || e.proposed == l && e.proven != nil // Graph may have refused what the old one got
	e.flight, e.signIn = nil, nil
	now := time.Now()
	if failure != nil {
		e.fail(failure, now)
		if token.Token == "" {
			return
		}
	}
	if failure == nil {
		e.failure, e.failures, e.notBefore, e.reported = nil, 0, time.Time{}, ""
		if e.proposed == l {
			e.proposed = nil
		}
		e.proven = l
	}
	l.used, e.renew = true, false
	e.token, e.obtained = graph.Token{Value: token.Token, Expires: token.ExpiresOn}, now
	e.renewAt = renewal(token, now)
	if claims != "" {
		e.answered, e.complained = claims, false
		if e.claims == claims {
			e.claims = ""
		}
	} else {
		e.answered = ""
	}
	e.log.Info("signed in", zap.String("kind", string(e.o.Kind)), zap.Time("expires", token.ExpiresOn), zap.Bool("challenged", claims != ""))
	if recovered {
		e.notify()
	}
}

// renewal is when to ask for the next token: when Entra says, or shortly before the end; azidentity gives out no token
// that has less than five minutes, unless it was made for less.
func renewal(token azcore.AccessToken, now time.Time) time.Time {
	switch {
	case !token.RefreshOn.IsZero() && token.RefreshOn.After(now):
		return token.RefreshOn
	case token.ExpiresOn.IsZero():
		return time.Time{}
	}
	return token.ExpiresOn.Add(-min(285*time.Second, token.ExpiresOn.Sub(now)/5))
}

// fail notes a failed sign-in, and when there may be another.
func (e *Entra) fail(failure *Error, now time.Time) {
	if errors.Is(failure.Err, context.Canceled) {
		return // nobody wanted it any more
	}
	e.failure = failure
	last := lastPause
	if e.usable(now) {
		last = idlePause // there is no hurry
	}
	pause := min(last, firstPause<<min(e.failures, 8))
	e.failures++
	pause = time.Duration(float64(pause) * (0.8 + 0.2*rand.Float64()))
	e.notBefore = now.Add(max(pause, failure.RetryAfter))
	e.say(failure, "no token")
}

func (e *Entra) complain(failure *Error, text string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.say(failure, text)
}

// say logs a failure unless it is the one logged last. e.mu is held.
func (e *Entra) say(failure *Error, text string) {
	if line := failure.Error(); e.reported != line {
		e.reported = line
		e.log.Warn(text, zap.String("reason", string(failure.Kind)), zap.Bool("token still good", e.usable(time.Now())), zap.Error(failure))
	}
}

// prompt tells where a person must sign in. It is azidentity's callback.
func (e *Entra) prompt(_ context.Context, m azidentity.DeviceCodeMessage) error {
	s := SignIn{URL: conceal(m.VerificationURL, 256), Code: conceal(m.UserCode, 64)} // for a terminal
	e.mu.Lock()
	e.signIn = &s
	e.mu.Unlock()
	e.log.Info("sign in to go on; the token is kept in memory, so that a restart asks again", zap.String("open", s.URL), zap.String("code", s.Code))
	if e.o.Prompt != nil {
		e.o.Prompt(s)
	}
	return nil
}
