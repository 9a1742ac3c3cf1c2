package auth

import (
	"container/list"
	"crypto/rand"
	"encoding/base64"
	"strings"
	"sync"
	"time"
)

const (
	ticketLife = 30 * time.Second

	// ticketPrefix tells a ticket from a token or key where a message does not say which it is.
	ticketPrefix = "pgt_"

	ticketsPerSubject = 64      // the oldest gives way: nobody opens so many connections at one instant
	ticketsInAll      = 100_000 // likewise
)

// tickets are those issued and not used. They end by time, by use, or by newer ones taking their place; all of it is
// bounded, so that no loop of a caller's can fill the memory.
type tickets struct {
	mu        sync.Mutex
	open      map[fingerprint]*list.Element // of *ticket
	inOrder   *list.List                    // oldest first: all live equally long at most
	bySubject map[string]int
}

type ticket struct {
	name   fingerprint
	holder Principal
	ends   time.Time
}

func newTickets() *tickets {
	return &tickets{open: map[fingerprint]*list.Element{}, inOrder: list.New(), bySubject: map[string]int{}}
}

func isTicket(text string) bool { return strings.HasPrefix(text, ticketPrefix) }

func (t *tickets) issue(p Principal) (text string, lifetime time.Duration) {
	var secret [32]byte
	rand.Read(secret[:])
	text = ticketPrefix + base64.RawURLEncoding.EncodeToString(secret[:])
	now := time.Now()
	lifetime = ticketLife
	if !p.Expires.IsZero() {
		lifetime = max(0, min(lifetime, p.Expires.Sub(now)))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweep(now)
	if t.bySubject[p.Subject] >= ticketsPerSubject {
		t.dropOldest(p.Subject)
	}
	if len(t.open) >= ticketsInAll {
		t.drop(t.inOrder.Front())
	}
	issued := &ticket{fingerprintOf(text), p, now.Add(lifetime)}
	t.open[issued.name] = t.inOrder.PushBack(issued)
	t.bySubject[p.Subject]++
	return text, lifetime
}

// take uses a ticket up, and returns whose it was. The lookup is by hash, so that its time tells nothing of those that are open.
func (t *tickets) take(text string) (Principal, bool) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweep(now)
	at, found := t.open[fingerprintOf(text)]
	if !found {
		return Principal{}, false
	}
	used := at.Value.(*ticket)
	t.drop(at)
	return used.holder, now.Before(used.ends)
}

// sweep drops those whose longest life has passed. Those that end earlier, with their token, wait among them.
func (t *tickets) sweep(now time.Time) {
	for at := t.inOrder.Front(); at != nil; at = t.inOrder.Front() {
		if now.Sub(at.Value.(*ticket).ends) < 0 {
			return
		}
		t.drop(at)
	}
}

func (t *tickets) dropOldest(subject string) {
	for at := t.inOrder.Front(); at != nil; at = at.Next() {
		if at.Value.(*ticket).holder.Subject == subject {
			t.drop(at)
			return
		}
	}
}

func (t *tickets) drop(at *list.Element) {
	dropped := t.inOrder.Remove(at).(*ticket)
	delete(t.open, dropped.name)
	if t.bySubject[dropped.holder.Subject]--; t.bySubject[dropped.holder.Subject] == 0 {
		delete(t.bySubject, dropped.holder.Subject)
	}
}
