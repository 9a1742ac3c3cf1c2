package main

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// What people write of themselves does not command the terminal.
func TestCleanText(t *testing.T) {
	for _, text := range []string{"\x1b[2Jgone", "a\rb", "a\nb", "\u009b2J", "\u202eevil", "\x07", "\x00", "\u2066x", "\xff\x1b"} {
		if got := fit(text, 40); strings.ContainsAny(got, "\x1b\r\n\u009b\u202e\x07\x00\u2066") || !utf8.ValidString(got) || cells.StringWidth(got) != 40 {
			t.Errorf("%q becomes %q", text, got)
		}
	}
	for text, want := range map[string]string{"Zoë": "Zoë  ", "漢字漢字": "漢字…", "abcdef": "abcd…", "": "     "} {
		if got := fit(text, 5); got != want || cells.StringWidth(got) != 5 {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	for word, want := range map[string]string{"InAConferenceCall": "In a conference call", "Busy": "Busy", "": "", "UrgentInterruptionsOnly": "Urgent interruptions only"} {
		if got := spaced(word); got != want {
			t.Errorf("%q becomes %q", word, got)
		}
	}
	for d, want := range map[time.Duration]string{-time.Second: "0 s", 59 * time.Second: "59 s", time.Minute: "1 min", 90 * time.Minute: "1 h", 72 * time.Hour: "3 days"} {
		if got := shortly(d); got != want {
			t.Errorf("%v becomes %q", d, got)
		}
	}
}

// However wide: no line is wider than the terminal.
func TestColumnsFit(t *testing.T) {
	for width := 1; width < 300; width++ {
		total := 0
		for _, c := range columns(width) {
			if c.width > 0 && total+c.width+2 <= width {
				total += c.width + 2
			}
		}
		if total > width {
			t.Fatalf("%d columns of %d", total, width)
		}
	}
}
