package graphsim

// journalSize is how many changes can be asked for after the fact.
const journalSize = 1 << 16

// journal is a ring of the latest changes, numbered from 1. The tenant's lock
// guards it.
type journal struct {
	ring []entry
	last uint64
}

type entry struct {
	who    uint32
	record *record
}

func (j *journal) note(who uint32, r *record) {
	if j.ring == nil {
		j.ring = make([]entry, journalSize)
	}
	j.last++
	// A copy without its past: the ring must not keep old states alive.
	j.ring[j.last%journalSize] = entry{who, &record{content: r.content, number: r.number, since: r.since}}
}

func (j *journal) clear() {
	clear(j.ring)
}

// after calls do for each change after number n that is still known, oldest
// first, at most limit of them. It returns the number of the last and how many
// were lost.
func (j *journal) after(n uint64, limit int, do func(e entry)) (last, lost uint64) {
	if n > j.last {
		n = j.last
	}
	if oldest := j.last - min(j.last, journalSize); n < oldest {
		lost, n = oldest-n, oldest
	}
	for ; n < j.last && limit > 0; limit-- {
		n++
		if e := j.ring[n%journalSize]; e.record != nil {
			do(e)
		}
	}
	return n, lost
}
