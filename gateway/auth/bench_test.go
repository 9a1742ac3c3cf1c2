package auth_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/presence-gateway/presence-gateway/gateway/auth"
)

// What letting somebody in costs. Run with -cpu 1 for figures of a core.
func BenchmarkAuthenticate(b *testing.B) {
	w := newWorld(b, func(o *auth.Options) {
		var file strings.Builder
		for i := range 100 {
			file.WriteString(entry(fmt.Sprint("service-", i), fmt.Sprint("key-", i)))
		}
		o.KeysFile = keysFile(b, file.String())
	})
	person := w.person()
	person.Groups = make([]string, 20)
	for i := range person.Groups {
		person.Groups[i] = fmt.Sprintf("bbbbbbbb-0000-4000-8000-%012d", i)
	}
	present := func(value func(i int) string, accepted bool) func(*testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := w.v.Authenticate(b.Context(), bearer(value(i))); (err == nil) != accepted {
					b.Fatal(err)
				}
			}
		}
	}
	same := w.mint(person)
	w.let(same)
	b.Run("token-seen", present(func(int) string { return same }, true))
	// More tokens than are remembered, so that each is verified anew.
	many := make([]string, 8192)
	for i := range many {
		many[i] = w.mint(person)
	}
	b.Run("token-new", present(func(i int) string { return many[i%len(many)] }, true))
	b.Run("key-of-100", present(func(i int) string { return fmt.Sprint("key-", i%100) }, true))
	parts := strings.Split(same, ".")
	b.Run("forged-signature", present(func(i int) string { return parts[0] + "." + parts[1] + "." + encode(fmt.Sprintf("%0256d", i)) }, false))
	b.Run("forged-key", present(func(i int) string {
		return encode(fmt.Sprintf(`{"alg":"RS256","kid":"%d"}`, i)) + "." + parts[1] + "." + parts[2]
	}, false))
	expired := w.person()
	expired.Claims = map[string]any{"exp": 1}
	late := w.mint(expired)
	b.Run("expired", present(func(int) string { return late }, false))
	b.Run("ticket", func(b *testing.B) {
		p := w.let(same)
		for b.Loop() {
			ticket, _ := w.v.Ticket(p)
			if _, err := w.v.Authenticate(b.Context(), ticketOf(ticket)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
