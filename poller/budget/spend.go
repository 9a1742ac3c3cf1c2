package budget

import "time"

// Spend is one booked read. Exactly one of its methods other than Leave ends it; further calls do nothing.
type Spend struct {
	b     *Budget
	left  time.Time
	done  bool
	rests time.Time // when its rest began: the answer, or the last moment it may have reached Graph
}

// Leave reports whether the read may still leave. A 429 may have come since it was booked: then it ends the spend,
// which never left, and the caller must not send.
func (s *Spend) Leave() bool {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	if s.done {
		return false
	}
	if !s.b.clock.now().Before(s.b.pause.until) {
		return true
	}
	s.withdraw()
	return false
}

// Unused gives the place back: the read did not leave.
func (s *Spend) Unused() {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	if !s.done {
		s.withdraw()
	}
}

// withdraw frees the place at once. What the reserve gave stays given: the disk has it so.
func (s *Spend) withdraw() {
	s.done = true
	s.rests = s.left.Add(-s.b.rest)
	s.b.ring.flying--
	s.b.nudge()
}

// Answered says that an answer, whatever it said, had arrived at at.
func (s *Spend) Answered(at time.Time) {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	if now := s.b.clock.now(); at.After(now) || at.Before(s.left) {
		at = now
	}
	s.end(at)
}

// Lost says that no answer came, or none will be waited for. The read may reach Graph late, at most
// [Options].Grace from now.
func (s *Spend) Lost() {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.end(s.b.clock.now().Add(s.b.o.Grace))
}

func (s *Spend) end(rests time.Time) {
	if s.done {
		return
	}
	s.done, s.rests = true, rests
	s.b.ring.flying--
	s.b.ring.rest(rests, s.b.rest)
	s.b.nudge()
}

// Throttled says that the answer was a 429. With set, nothing leaves before retryAfter from now; else, or if it is
// zero, the pause is 10 s, doubling with each flight of refusals up to 5 min until a read succeeds. What follows the
// pause leaves at four fifths of the pace before, once for each flight, which grows back within minutes.
func (s *Spend) Throttled(retryAfter time.Duration, set bool) {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	now := s.b.clock.now()
	s.end(now)
	s.b.tempo.refused(s.left, now, s.b.fullGap())
	if !set || retryAfter <= 0 {
		retryAfter = s.b.pause.next(s.left, now)
	}
	s.b.pauseUntil(now.Add(retryAfter))
}
