package main_test

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// What strangers and callers with a key of their own do to a real gateway: each is refused with its code in time, for little
// memory, while others are served as before.
func TestFloods(t *testing.T) {
	// Connections that were closed and say nothing more count for up to 5 s: those of one attack must not crowd out the next.
	s := newSiege(t, ", limits: {connections_per_subject: 200}")
	eventually(t, 10*time.Second, "the calm clients to hear of changes", func() bool { return s.since().states > 0 })
	time.Sleep(3 * time.Second) // what is measured is a stretch of time
	s.baseline = s.since()
	address, asHostile := s.gateway.address, "Authorization: Bearer "+hostileKey+"\r\n"
	// enter is a WebSocket with the key of somebody who means ill.
	enter := func(t *testing.T, window int) *rude {
		x := call(t, address, window)
		if r := x.upgrade(t, asHostile); r.StatusCode != 101 {
			t.Errorf("got %s", r.Status)
		}
		return x
	}
	want := func(t *testing.T, outcome string, pattern string) string {
		if !regexp.MustCompile("^(" + pattern + ")$").MatchString(outcome) {
			t.Errorf("ended with %s, want %s", outcome, pattern)
		}
		return outcome
	}
	flood := func(name string, attackers int, opening, flooding, code string) {
		s.under(name, func(t *testing.T) string {
			return want(t, each(attackers, func(int) string {
				x := enter(t, 0)
				x.say(opening)
				go x.pester(flooding)
				return x.refused(5 * time.Second)
			}), fmt.Sprintf("%d x %s", attackers, code))
		})
	}
	// What takes most memory comes first: what it takes is not given back at once.
	s.under("sockets that sign in never", func(t *testing.T) string {
		const many = 2000
		xs := make([]*rude, many)
		for i := range xs {
			xs[i] = call(t, address, 0)
			xs[i].upgrade(t, "")
		}
		return want(t, each(many, func(i int) string { return xs[i].refused(6 * time.Second) }), "1500 x 4429, 500 x 4408")
	})
	s.under("made-up users", func(t *testing.T) string {
		return want(t, each(8, func(int) string {
			x := enter(t, 0)
			for range 4 {
				x.say(frame(0x81, `{"type":"subscribe","users":[`+madeUp(5000)+`]}`))
			}
			heard, _ := x.until(5*time.Second, "too_many_users")
			return heard
		}), "8 x too_many_users")
	})
	flood("empty fragments", 8, frame(0x01, "{"), strings.Repeat(frame(0x00, ""), 1000), "4400")
	flood("fragments of one byte", 8, frame(0x01, "{"), strings.Repeat(frame(0x00, " "), 1000), "4429")
	flood("pings", 8, "", strings.Repeat(frame(0x89, "p"), 500), "4429")
	flood("empty messages", 8, "", strings.Repeat(frame(0x81, ""), 500), "4429")
	flood("subscribing and unsubscribing", 8, "", strings.Repeat(frame(0x81, `{"type":"subscribe","users":"*"}`)+frame(0x81, `{"type":"unsubscribe","users":"*"}`), 50), "4429")
	flood("authenticating", 8, "", strings.Repeat(frame(0x81, `{"type":"authenticate","token":"`+strings.Repeat("x", 2000)+`"}`), 10), "4401")
	flood("large messages", 8, "", frame(0x81, `{"type":"ping","x":"`+strings.Repeat("*", 900<<10)+`"}`)+frame(0x81, strings.Repeat("*", 1<<20+1)), "1009")
	s.under("handshakes half open", func(t *testing.T) string {
		begun := []string{"", "G", "GET /v1/stream HTTP/1.1\r\nHost: x\r\nX: ", "POST /v1/presences/query HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"}
		const many = 1000
		xs := make([]*rude, many)
		for i := range xs {
			xs[i] = call(t, address, 0)
			xs[i].say(begun[i%len(begun)])
		}
		return want(t, each(many, func(i int) string { return xs[i].answered(7 * time.Second) }), "250 x 400, 250 x 401, 500 x the end")
	})
	s.under("readers that stop", func(t *testing.T) string {
		return want(t, each(20, func(int) string {
			x := enter(t, 4<<10)
			for range 6 {
				x.say(frame(0x81, `{"type":"subscribe","users":"*"}`) + frame(0x81, `{"type":"unsubscribe","users":"*"}`))
			}
			x.say(frame(0x81, `{"type":"subscribe","users":"*"}`))
			time.Sleep(4500 * time.Millisecond) // gateway.stall is 3 s: it is time itself that is tested
			return x.refused(3 * time.Second)
		}), "20 x 4409")
	})
	s.under("zip bombs", func(t *testing.T) string {
		bomb := zipBomb(t, 500)
		return want(t, each(8, func(int) string {
			x := call(t, address, 0)
			x.say("POST /graph/v1.0/communications/getPresencesByUserId HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n" +
				asHostile + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(bomb)) + bomb)
			return x.answered(5 * time.Second)
		}), "8 x 413")
	})
	s.under("compressed frames", func(t *testing.T) string {
		return want(t, each(8, func(int) string {
			x := call(t, address, 0)
			if r := x.upgrade(t, asHostile+"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-webkit-deflate-frame\r\n"); r.Header.Get("Sec-WebSocket-Extensions") != "" {
				t.Errorf("negotiated %v", r.Header)
			}
			x.say(frame(0xc1, zipBomb(t, 10)))
			return x.refused(5 * time.Second)
		}), "8 x 4400")
	})
	s.under("huge headers", func(t *testing.T) string {
		return want(t, each(20, func(int) string {
			x := call(t, address, 0)
			x.say("GET /v1/stream HTTP/1.1\r\nHost: x\r\n")
			go x.pester("X-" + strings.Repeat("y", 8<<10) + ": z\r\n")
			return x.answered(5 * time.Second)
		}), "20 x 431")
	})
	if s.gateway.command.ProcessState != nil {
		t.Error("it ended")
	}
	if said := s.gateway.said(); strings.Contains(said, "panic") {
		t.Error("it panicked")
	}
}

// until reads messages up to one with text in it, and returns that text, or how it ended instead.
func (x *rude) until(within time.Duration, text string) (heard string, all []byte) {
	_ = x.SetReadDeadline(time.Now().Add(within))
	for {
		_, payload, err := x.next()
		if err != nil {
			return err.Error(), all
		}
		if all = append(all, payload...); bytes.Contains(payload, []byte(text)) {
			return text, all
		}
	}
}

// madeUp lists ids that nobody has.
func madeUp(n int) string {
	ids := make([]string, n)
	for i := range ids {
		var b [16]byte
		_, _ = rand.Read(b[:])
		ids[i] = fmt.Sprintf(`"%x-%x-%x-%x-%x"`, b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	}
	return strings.Join(ids, ",")
}

// zipBomb is so many MiB of blanks, packed.
func zipBomb(t *testing.T, mebibytes int) string {
	t.Helper()
	var member bytes.Buffer
	z := gzip.NewWriter(&member)
	_, _ = z.Write(bytes.Repeat([]byte(" "), 1<<20))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return strings.Repeat(member.String(), mebibytes)
}
