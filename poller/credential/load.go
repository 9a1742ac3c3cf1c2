package credential

import (
	"errors"
	"time"

	"go.uber.org/zap"
)

// load makes a login of the files if they changed. A broken one leaves the one before in force. e.mu is held.
func (e *Entra) load() {
	if pool := e.o.Trust.Pool(); pool != e.trusted {
		// Who was not trusted may be now.
		e.trusted, e.failures, e.reported = pool, 0, ""
		if e.failure == nil || e.failure.RetryAfter == 0 {
			e.notBefore = time.Time{}
		}
	}
	first := !e.loaded
	changed := first
	var failed *Error
	for _, f := range e.files {
		different, err := f.refresh()
		changed = changed || different
		if err != nil && failed == nil {
			errors.As(err, &failed)
		}
	}
	if failed != nil {
		e.unusable(failed)
		return
	}
	if !changed {
		return
	}
	e.loaded = true
	l, err := e.newLogin()
	if err != nil {
		errors.As(err, &failed)
		e.unusable(failed)
		return
	}
	e.proposed, e.broken, e.told = l, nil, ""
	if e.failure == nil || e.failure.RetryAfter == 0 {
		e.notBefore = time.Time{}
	}
	e.failures = 0
	if first {
		return
	}
	e.reported = ""
	e.log.Info("credential read again, it is tried at once")
}

// unusable keeps what was in force, and says so once.
func (e *Entra) unusable(why *Error) {
	e.broken = why
	if text := why.Error(); e.told != text {
		e.told = text
		if e.proven != nil {
			e.log.Warn("new credential cannot be used, the old one stays", zap.Error(why))
		} else {
			e.log.Error("credential cannot be used", zap.Error(why))
		}
	}
}
