package auth_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway/auth"
)

func ticketOf(t string) auth.Credential { return auth.Credential{Kind: auth.Ticket, Value: t} }

func TestTicket(t *testing.T) {
	v := newVerifier(t, auth.Options{KeysFile: keysFile(t, entry("a", "a"))})
	p, err := v.Authenticate(t.Context(), bearer("a"))
	if err != nil {
		t.Fatal(err)
	}
	ticket, life := v.Ticket(p)
	if life != 30*time.Second || len(ticket) < 43 {
		t.Errorf("%d characters for %v", len(ticket), life)
	}
	another, _ := v.Ticket(p)
	if another == ticket {
		t.Error("two tickets are one")
	}
	if refused(t, v, bearer(ticket)) == "" {
		t.Error("a ticket is taken for a token")
	}
	if refused(t, v, ticketOf(ticket[:len(ticket)-1]+"~")) != auth.BadTicket {
		t.Error("an altered ticket")
	}
	got, err := v.Authenticate(t.Context(), ticketOf(ticket))
	if err != nil || got.Subject != "key:a" || got.Key != "a" || !v.Stands(got) {
		t.Errorf("got %+v, %v", got, err)
	}
	if refused(t, v, ticketOf(ticket)) != auth.BadTicket {
		t.Error("a ticket was used twice")
	}
	if got, err = v.Authenticate(t.Context(), auth.Credential{Kind: auth.Either, Value: another}); err != nil || got.Key != "a" {
		t.Errorf("by message: %+v, %v", got, err)
	}
	if got, err = v.Authenticate(t.Context(), auth.Credential{Kind: auth.Either, Value: "a"}); err != nil || got.Key != "a" {
		t.Errorf("a key by message: %+v, %v", got, err)
	}
}

func TestTicketIsUsedOnce(t *testing.T) {
	v := newVerifier(t, auth.Options{})
	for range 200 {
		ticket, _ := v.Ticket(auth.Principal{Subject: "user:1"})
		var won atomic.Int32
		var racers sync.WaitGroup
		for range 50 {
			racers.Go(func() {
				if _, err := v.Authenticate(t.Context(), ticketOf(ticket)); err == nil {
					won.Add(1)
				}
			})
		}
		racers.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d of 50 won", won.Load())
		}
	}
}

func TestTicketEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVerifier(t, auth.Options{})
		early, _ := v.Ticket(auth.Principal{Subject: "a"})
		late, _ := v.Ticket(auth.Principal{Subject: "a"})
		v.Ticket(auth.Principal{Subject: "a"}) // is never used
		time.Sleep(30*time.Second - 1)
		if why := refused(t, v, ticketOf(early)); why != "" {
			t.Errorf("refused before its end: %s", why)
		}
		time.Sleep(time.Nanosecond)
		if refused(t, v, ticketOf(late)) != auth.BadTicket {
			t.Error("used after its end")
		}
		if v.Ticket(auth.Principal{Subject: "a"}); auth.OpenTickets(v) != 1 {
			t.Errorf("%d are kept", auth.OpenTickets(v))
		}
		// With the token behind it, if that is sooner, whatever was issued before.
		short, life := v.Ticket(auth.Principal{Subject: "a", Expires: time.Now().Add(5 * time.Second)})
		if life != 5*time.Second {
			t.Errorf("lives %v", life)
		}
		time.Sleep(5 * time.Second)
		if auth.OpenTickets(v) != 2 || refused(t, v, ticketOf(short)) != auth.BadTicket {
			t.Error("used after its token's end")
		}
		if _, life := v.Ticket(auth.Principal{Subject: "a", Expires: time.Now().Add(-time.Second)}); life != 0 {
			t.Errorf("lives %v", life)
		}
	})
}

func TestTicketOfAWithdrawnKey(t *testing.T) {
	v := newVerifier(t, auth.Options{KeysFile: keysFile(t, entry("a", "a"))})
	ticket, _ := v.Ticket(auth.Principal{Subject: "key:gone", Key: "gone"})
	if refused(t, v, ticketOf(ticket)) != auth.Withdrawn {
		t.Error("the ticket outlives its key")
	}
}

// Nobody can fill the memory with tickets, nor push out those of others.
func TestTicketsAreBounded(t *testing.T) {
	v := newVerifier(t, auth.Options{})
	mine, _ := v.Ticket(auth.Principal{Subject: "me"})
	var flood []string
	for range 10_000 {
		ticket, _ := v.Ticket(auth.Principal{Subject: "flood"})
		flood = append(flood, ticket)
	}
	if n := auth.OpenTickets(v); n != 65 {
		t.Errorf("%d are open", n)
	}
	if refused(t, v, ticketOf(flood[0])) == "" || refused(t, v, ticketOf(flood[9_999])) != "" || refused(t, v, ticketOf(mine)) != "" {
		t.Error("the wrong ones gave way")
	}
	if testing.Short() {
		return
	}
	for i := range 110_000 {
		v.Ticket(auth.Principal{Subject: fmt.Sprint(i)})
	}
	if n := auth.OpenTickets(v); n != 100_000 {
		t.Errorf("%d are open", n)
	}
}
