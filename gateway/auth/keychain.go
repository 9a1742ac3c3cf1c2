package auth

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"
)

const (
	refreshEvery = time.Hour
	keysLast     = 24 * time.Hour   // without a fetch that succeeds
	askEvery     = 30 * time.Second // for keys that tokens name and the set does not hold
	retryFirst   = time.Second      // after a fetch that failed
	retryMost    = 30 * time.Second // while no keys are in force
	retryCalm    = 5 * time.Minute  // while the last ones are
	keyWait      = 3 * time.Second  // for a fetch under way
	maxWaiting   = 1000             // that many tokens; further ones are told to come again
)

// keychain is an issuer's keys, kept fresh by run. Whoever asks for a key that is there never waits. One that is not there may
// be new, so that the issuer is asked: once in half a minute, whatever callers make up. The first fetch counts as under way from
// the beginning, so that who comes early waits for it.
type keychain struct {
	fetch func(ctx context.Context, discover bool) (*keySet, error)
	log   *zap.Logger
	wake  chan struct{} // one place: the set is asked for

	// trusted returns a channel that is closed when the authorities next change that the issuer is judged by.
	trusted func() <-chan struct{}

	mu       sync.Mutex
	set      *keySet       // nil: none yet
	fetched  time.Time     // when set was last confirmed
	mayAsk   time.Time     // when an unknown key may next be asked for
	underWay chan struct{} // closed at the end of the fetch under way; nil: there is none
	waiting  int
	absent   absentees
	failure  error // of the last fetch; nil: it succeeded
}

func newKeychain(f *fetcher, trusted func() <-chan struct{}, log *zap.Logger) *keychain {
	return &keychain{fetch: f.keys, trusted: trusted, log: log, wake: make(chan struct{}, 1), underWay: make(chan struct{}), absent: absentees{}}
}

// current returns the set that is in force, or nil.
func (k *keychain) current() *keySet {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.inForce(time.Now())
}

func (k *keychain) inForce(now time.Time) *keySet {
	if k.set == nil || now.Sub(k.fetched) > keysLast {
		return nil
	}
	return k.set
}

var errKeysUnavailable = refuse(KeysUnavailable, "the sign-in service's keys could not be fetched, so that no token can be verified now: try again in half a minute")

// find returns the key of this name, and the set that it is of. The error is a [*Refusal], or that of ctx.
func (k *keychain) find(ctx context.Context, name string) (publicKey, *keySet, error) {
	key, set, fetch := k.look(name)
	switch {
	case set != nil:
		return key, set, nil
	case fetch == nil:
		return publicKey{}, nil, k.missing()
	}
	patience := time.NewTimer(keyWait)
	defer patience.Stop()
	var err error
	select {
	case <-fetch:
	case <-patience.C:
		err = errKeysUnavailable
	case <-ctx.Done():
		err = ctx.Err()
	}
	if key, set = k.lookAgain(name, err == nil); set == nil && err == nil {
		err = k.missing()
	}
	return key, set, err
}

// look returns the key, or the end of a fetch that may bring it: one under way, or a new one. If it is not to be asked for, all
// are nil.
func (k *keychain) look(name string) (publicKey, *keySet, <-chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	if set := k.inForce(now); set != nil {
		if key, found := set.keys[name]; found {
			return key, set, nil
		}
	}
	switch {
	case k.waiting >= maxWaiting:
		return publicKey{}, nil, nil
	case k.underWay != nil:
	case now.Before(k.mayAsk) || !k.absent.mayAsk(name, now):
		return publicKey{}, nil, nil
	default:
		k.mayAsk = now.Add(askEvery)
		k.underWay = make(chan struct{})
		k.wake <- struct{}{} // has room: it is empty while nothing is under way
	}
	k.waiting++
	return publicKey{}, nil, k.underWay
}

// lookAgain returns the key, if it is there now. If it is not although the issuer has just answered, that is noted.
func (k *keychain) lookAgain(name string, answered bool) (publicKey, *keySet) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.waiting--
	now := time.Now()
	set := k.inForce(now)
	if set == nil {
		return publicKey{}, nil
	}
	key, found := set.keys[name]
	if !found {
		if answered && k.failure == nil {
			k.absent.note(name, now)
		}
		return publicKey{}, nil
	}
	return key, set
}

// missing says why a key is not there.
func (k *keychain) missing() error {
	if k.current() == nil {
		return errKeysUnavailable
	}
	return refuse(UnknownKey, "the token is signed with a key that the sign-in service does not publish: sign in again, at the service that is configured here")
}

// run fetches the keys at once, then every hour, whenever they are asked for and when other authorities are trusted, until ctx ends.
func (k *keychain) run(ctx context.Context) error {
	pause, discover := retryFirst, true
	for {
		trusted := k.trusted()
		limited, cancel := context.WithTimeout(ctx, fetchLimit)
		set, err := k.fetch(limited, discover)
		cancel()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		k.done(set, err)
		next := refreshEvery
		if err != nil {
			most := retryMost
			if k.current() != nil {
				most = retryCalm
			}
			next = min(pause, most)
			pause = 2 * next
		} else {
			pause = retryFirst
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
			discover = true
			k.begin()
		case <-trusted: // what was not, may be now
			timer.Stop()
			discover = true
			k.begin()
		case <-k.wake:
			timer.Stop()
			discover = err != nil // where they are may have changed, too
		}
	}
}

// begin notes that a fetch is under way, unless somebody has just asked for it.
func (k *keychain) begin() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.underWay == nil {
		k.underWay = make(chan struct{})
		return
	}
	<-k.wake
}

// done takes the result of a fetch over, and lets those go on who waited for it.
func (k *keychain) done(set *keySet, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	close(k.underWay)
	k.underWay = nil
	now := time.Now()
	switch {
	case errors.Is(err, context.Canceled):
		return
	case err != nil && k.failure == nil && k.set == nil:
		k.log.Error("the issuer's keys cannot be fetched: nobody can sign in with a token", zap.Error(err))
	case err != nil && k.failure == nil:
		k.log.Warn("the issuer's keys cannot be fetched: those of the last fetch stay in force for a day", zap.Error(err), zap.Time("fetched", k.fetched))
	case err != nil && k.set != nil && k.inForce(now) == nil:
		k.log.Error("the issuer's keys could not be fetched for a day: nobody can sign in with a token", zap.Error(err), zap.Time("fetched", k.fetched))
		k.set = nil
	case err == nil && (k.failure != nil || k.set == nil || k.set.print != set.print):
		k.log.Info("the issuer's keys were fetched", zap.Int("keys", len(set.keys)))
	}
	k.failure = err
	if err != nil {
		return
	}
	k.fetched = now
	if k.set == nil || k.set.print != set.print {
		k.set = set // verified tokens are remembered with their set, and are verified anew under another one
		clear(k.absent)
	}
}

// absentees are names of keys that the issuer did not know, each with a pause that doubles: one program with an old token must
// not make us ask for ever. Bounded; what is made up beyond is held by [askEvery] alone.
type absentees map[string]absentee

type absentee struct {
	until time.Time
	pause time.Duration
}

const (
	maxAbsent      = 1000
	absenceAtFirst = askEvery
	absenceMost    = 10 * time.Minute
)

func (a absentees) mayAsk(name string, now time.Time) bool { return !now.Before(a[name].until) }

func (a absentees) note(name string, now time.Time) {
	known, found := a[name]
	if !found && len(a) >= maxAbsent {
		for other, its := range a {
			if !now.Before(its.until) {
				delete(a, other)
			}
		}
		if len(a) >= maxAbsent {
			return
		}
	}
	pause := min(max(2*known.pause, absenceAtFirst), absenceMost)
	a[name] = absentee{now.Add(pause), pause}
}
