package gateway

import (
	"slices"
	"time"
)

// wheel spreads the heartbeats of connections over the interval between two.
type wheel struct {
	slots [][]*conn
	step  time.Duration
	at    int       // the slot whose turn is next
	next  time.Time // when that is
	place int       // the slot for the next connection
}

func newWheel(interval time.Duration) wheel {
	slots := int(min(200, max(1, interval/(20*time.Millisecond))))
	return wheel{slots: make([][]*conn, slots), step: interval / time.Duration(slots)}
}

func (w *wheel) begin(now time.Time) { w.next = now.Add(w.step) }

// turn returns the connections whose time has come. The slice is valid until the next call.
func (w *wheel) turn(now time.Time) []*conn {
	if now.Before(w.next) {
		return nil
	}
	if late := now.Sub(w.next); late > w.step*time.Duration(len(w.slots)) { // the machine slept
		w.next = now
	}
	due := w.slots[w.at]
	w.at = (w.at + 1) % len(w.slots)
	w.next = w.next.Add(w.step)
	return due
}

// add gives c a slot. Consecutive connections get different ones.
func (w *wheel) add(c *conn) {
	c.writing.slot = w.place + 1
	w.slots[w.place] = append(w.slots[w.place], c)
	w.place = (w.place + 1) % len(w.slots)
}

// remove takes c out for good; a connection that never had a slot gets none.
func (w *wheel) remove(c *conn) {
	number := c.writing.slot - 1
	c.writing.slot = -1
	if number < 0 {
		return
	}
	slot := w.slots[number]
	if i := slices.Index(slot, c); i >= 0 {
		last := len(slot) - 1
		slot[i], slot[last] = slot[last], nil
		w.slots[number] = slot[:last]
	}
}
