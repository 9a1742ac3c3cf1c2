package presence

import (
	"strconv"
	"time"
)

// Since says when a user's availability or activity last changed, as far as reading now and then can tell: at At,
// or up to Within before. The zero value says that no change was seen yet.
type Since struct {
	At     time.Time
	Within time.Duration
}

// State is what is held of one user. It is whole: applying it twice, or skipping those before it, does no harm.
type State struct {
	ID         ID
	Content    *Content // nil: Graph does not know the user, or no longer (gone)
	Version    Version  // zero: never read
	Unnumbered bool     // the answer that made this state had no sequence number
	Since      Since
}

// AppendJSON appends the whole presence object as the holder of view sees it. observedAt is when the read that
// last confirmed the state was begun. The state must have a content.
func (s *State) AppendJSON(dst []byte, view Fields, observedAt time.Time) []byte {
	dst = append(dst, `{"id":"`...)
	dst, _ = s.ID.AppendText(dst)
	dst = append(dst, `",`...)
	dst = append(dst, s.Content.View(view)...)
	if !s.Unnumbered && s.Version.Sequence != "" {
		dst = append(dst, `,"sequenceNumber":`...)
		dst = AppendString(dst, s.Version.Sequence)
	}
	dst = append(dst, `,"version":"`...)
	dst, _ = s.Version.AppendText(dst)
	dst = append(dst, `","observedAt":`...)
	dst = AppendTime(dst, observedAt)
	if view.Has(SinceChange) && !s.Since.At.IsZero() {
		dst = append(dst, `,"since":{"at":`...)
		dst = AppendTime(dst, s.Since.At)
		dst = append(dst, `,"withinMs":`...)
		dst = strconv.AppendInt(dst, s.Since.Within.Milliseconds(), 10)
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

// Reading is one user's row of one answer.
type Reading struct {
	ID       ID
	Content  *Content  // nil: Graph knows no such user
	Sequence string    // Graph's sequenceNumber; empty where the answer had none
	Asked    time.Time // when the request began
	Answered time.Time // when its answer had arrived
}
