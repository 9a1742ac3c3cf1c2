package presence

import "time"

// Verdict says what a reading means for what is held.
type Verdict uint8

// The verdicts.
const (
	Newer     Verdict = iota // the state changed
	Confirmed                // the state still stands
	Lagging                  // the reading is older than the state, and is dropped
	Doubted                  // the reading counts only if the next one says the same
)

// A reset needs this many lower readings, however seldom a user is read.
const resetReadings = 3

// returnWindow is how long after a change an answer without a sequence number that brings the old content back is
// taken for a lagging replica's until it is seen twice.
const returnWindow = 10 * time.Second

// Rule is the one rule for what is newer.
type Rule struct {
	ResetAfter time.Duration // how long a sequence must stay lower before its reset is believed
	Generation uint32        // the least generation of a new version
	Order      uint64        // the highest order given so far; new ones are above it
	// Nonce makes orders unlike those of anyone else who issues versions and does not know of these: it is their last
	// 16 bits. 0: nobody else does.
	Nonce uint16
}

// above returns an order above order and all that were given.
func (rule Rule) above(order uint64) uint64 {
	order = max(order, rule.Order)
	if rule.Nonce == 0 {
		return order + 1
	}
	return (order>>16+1)<<16 | uint64(rule.Nonce)
}

// Doubt is what is remembered of readings about a user that were not believed, or might yet be contradicted. The
// zero value is no doubt. Few users have one at any time.
type Doubt struct {
	lower      int       // readings running with a number lower than the one held
	lowerSince time.Time // when the first of them was asked for
	rival      *Content  // seen once, waiting to be seen again
	former     *Content  // what the state said before
	left       time.Time // when it stopped saying that
}

// Settled reports at time now that d has nothing left to tell.
func (d *Doubt) Settled(now time.Time) bool {
	return d.lower == 0 && d.rival == nil && (d.former == nil || !now.Before(d.left.Add(returnWindow)))
}

// Judge decides what reading r means for the state held, and returns the state that stands afterwards. confirmed is
// when the read that last confirmed held was begun. d is updated; it belongs to this user alone.
//
//   - A higher sequence number is newer, even with the same content. A lower one is a lagging replica's, unless it
//     has been lower in every reading for ResetAfter: then Graph began to count anew, and the generation rises.
//   - Different content under an equal number counts when two readings running say so, or two replicas that
//     disagree would make the user flap.
//   - Without a number the content decides. Since no one can tell then whether a replica lags, a return to the
//     former content shortly after leaving it counts when two readings running say so.
//   - A nil content (Graph knows no such user) counts at once, and so does the return from it.
func (rule Rule) Judge(held State, confirmed time.Time, r Reading, d *Doubt) (Verdict, State) {
	version := held.Version
	switch {
	case version.IsZero():
		version = Version{Generation: rule.Generation, Sequence: r.Sequence}
		if r.Sequence == "" {
			version.Order = rule.above(0)
		}

	case r.Content == nil:
		if held.Content == nil {
			return Confirmed, held
		}
		version.Order = rule.above(version.Order)

	case r.Sequence > version.Sequence:
		version = Version{Generation: version.Generation, Sequence: r.Sequence}

	case r.Sequence != "" && r.Sequence < version.Sequence:
		if d.lower++; d.lower == 1 {
			d.lowerSince = r.Asked
		}
		if d.lower < resetReadings || r.Asked.Sub(d.lowerSince) < rule.ResetAfter {
			return Lagging, held
		}
		version = Version{Generation: version.Generation + 1, Sequence: r.Sequence}

	default: // an equal number, or none
		if r.Sequence != "" {
			d.lower = 0
		}
		if r.Content == held.Content {
			d.rival = nil
			return Confirmed, held
		}
		if held.Content != nil && r.Content != d.rival && (r.Sequence != "" || d.returns(r)) {
			d.rival = r.Content
			return Doubted, held
		}
		version.Order = rule.above(version.Order)
	}

	version.Generation = max(version.Generation, rule.Generation)
	since := held.Since
	if held.Content == nil || r.Content == nil {
		since = Since{}
	} else if was, is := held.Content.facts, r.Content.facts; was.Availability != is.Availability || was.Activity != is.Activity {
		since = Since{At: r.Answered, Within: r.Answered.Sub(confirmed)}
	}
	*d = Doubt{}
	if held.Content != nil && held.Content != r.Content {
		d.former, d.left = held.Content, r.Answered
	}
	return Newer, State{ID: r.ID, Content: r.Content, Version: version, Unnumbered: r.Sequence == "", Since: since}
}

// Raise returns the state held under a new version, above its own and above the one given: somebody holds the user
// under that one, and whatever it was, it does not stand any longer.
func (rule Rule) Raise(held State, above Version) State {
	version := Version{
		Generation: max(held.Version.Generation, rule.Generation),
		Sequence:   held.Version.Sequence,
		Order:      rule.above(max(held.Version.Order, above.Order)),
	}
	if version.Compare(above) <= 0 {
		version.Generation = above.Generation + 1
	}
	held.Version = version
	return held
}

// returns reports whether r, without a number, brings back what the state said until shortly before.
func (d *Doubt) returns(r Reading) bool {
	return d.former != nil && r.Content == d.former && r.Asked.Before(d.left.Add(returnWindow))
}
