package budget

import (
	"container/heap"
	"slices"
	"time"
)

// ring holds the places in use: by reads under way, and by reads whose answer came less than a rest ago.
type ring struct {
	flying int
	blind  int // places held for reads of a process that died, which nobody counted
	places resting
	late   []time.Time // in order: when the rests that have not begun yet do
}

// resting is a heap of places by the time they are free again.
type resting []place

type place struct {
	free, since time.Time
	blind       bool
}

func (r *ring) rest(since time.Time, rest time.Duration) {
	r.add(place{free: since.Add(rest), since: since})
}

func (r *ring) add(p place) {
	heap.Push(&r.places, p)
	at, _ := slices.BinarySearchFunc(r.late, p.since, time.Time.Compare)
	r.late = slices.Insert(r.late, at, p.since)
}

// hold keeps n places for reads that may have reached Graph until since.
func (r *ring) hold(n int, since time.Time, rest time.Duration) {
	for range n {
		r.add(place{free: since.Add(rest), since: since, blind: true})
	}
	r.blind += n
}

func (r *ring) expire(now time.Time) {
	for len(r.places) > 0 && !now.Before(r.places[0].free) {
		if heap.Pop(&r.places).(place).blind {
			r.blind--
		}
	}
}

// wait returns how long there is no free place for certain. Reads under way free none before a rest.
func (r *ring) wait(now time.Time, places int, rest time.Duration) time.Duration {
	if r.flying+len(r.places) < places {
		return 0
	}
	if len(r.places) == 0 {
		return rest
	}
	return max(r.places[0].free.Sub(now), time.Nanosecond)
}

func (r *ring) spent() int { return r.flying + len(r.places) - r.blind }

// unanswered counts reads that may not have reached Graph yet.
func (r *ring) unanswered(now time.Time) int {
	begun := 0
	for begun < len(r.late) && !r.late[begun].After(now) {
		begun++
	}
	r.late = slices.Delete(r.late, 0, begun)
	return r.flying + len(r.late)
}

// unknown returns when the first of them, if it is one that was given up, is out of its grace. It is to be asked after
// unanswered.
func (r *ring) unknown(now time.Time) time.Duration {
	if len(r.late) == 0 {
		return time.Second
	}
	return min(time.Second, r.late[0].Sub(now))
}

func (h resting) Len() int           { return len(h) }
func (h resting) Less(i, j int) bool { return h[i].free.Before(h[j].free) }
func (h resting) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *resting) Push(x any)        { *h = append(*h, x.(place)) }
func (h *resting) Pop() any {
	last := len(*h) - 1
	p := (*h)[last]
	*h = (*h)[:last]
	return p
}
