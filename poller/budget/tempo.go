package budget

import "time"

const (
	cutTo = .8 // of the pace, once for each flight of refusals
	// regrowth is how much of the full pace comes back each second in which reads may leave: 0.1 reads a second of
	// the 45 that Graph's documented limit allows.
	regrowth = 1. / 450
	leastCut = 1. / 20         // of the full pace, below which it is not cut
	slowest  = 5 * time.Second // nor to a longer time between two reads, so that one is always tried soon
)

// tempo is how much of the full pace is used. Refusals cut it: the limit may be lower for now, or others spend from
// it. Grown back evenly it finds that out with few refusals, where the full pace would run into the next pause each
// window. It is not recorded: after a restart the first refusal cuts it again.
type tempo struct {
	lost  float64   // of the full pace, at since; the zero value lost nothing
	since time.Time // when it began to grow
	cut   time.Time // when it was cut last
}

// share returns the part of the full pace to be used at now.
func (t *tempo) share(now time.Time) float64 {
	return 1 - max(0, t.lost-regrowth*max(0, now.Sub(t.since).Seconds()))
}

// refused cuts it after the refusal of a read that left at left. Reads that left before the last cut were refused for
// the same reason. full is the time between two reads at the full pace.
func (t *tempo) refused(left, now time.Time, full time.Duration) {
	if !left.After(t.cut) {
		return
	}
	share := t.share(now)
	least := max(leastCut, min(1, float64(full)/float64(slowest)))
	t.lost, t.since, t.cut = 1-max(share*cutTo, min(share, least)), now, now
}

// hold lets it grow from until on: a pause teaches nothing.
func (t *tempo) hold(now, until time.Time) { t.lost, t.since = 1-t.share(now), until }
