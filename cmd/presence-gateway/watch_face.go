package main

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/mattn/go-runewidth"

	"github.com/presence-gateway/presence-gateway/gateway/client"
)

// style is how text is shown: parameters of the terminal's "select graphic rendition".
type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	grey   style = "90"
)

// face is how an availability looks. Shapes differ too: colours alone are not for everyone.
type face struct {
	shape string
	words string
	style style
}

var faces = map[client.Availability]face{
	client.Available:       {"●", "Available", green},
	client.AvailableIdle:   {"○", "Available, idle", green},
	client.Busy:            {"■", "Busy", red},
	client.BusyIdle:        {"□", "Busy, idle", red},
	client.DoNotDisturb:    {"⊘", "Do not disturb", red},
	client.Away:            {"◐", "Away", yellow},
	client.BeRightBack:     {"◔", "Be right back", yellow},
	client.Offline:         {"×", "Offline", grey},
	client.PresenceUnknown: {"?", "Unknown", grey},
}

var absences = map[client.Absence]face{
	client.Pending: {"…", "Not read yet", grey},
	client.Unknown: {"–", "Unknown to Graph", grey},
	client.Denied:  {"!", "Not allowed", yellow},
	client.Invalid: {"!", "No such id", yellow},
}

func faceOf(row *boardRow) face {
	if row.absence != "" {
		return absences[row.absence]
	}
	if f, known := faces[row.presence.Availability]; known {
		return f
	}
	return face{"?", spaced(string(row.presence.Availability)), plain} // one that Graph added since
}

// activityOf is the activity in words, where it says more than the availability.
func activityOf(row *boardRow) string {
	p := &row.presence
	if row.absence != "" || string(p.Activity) == string(p.Availability) || p.Activity == "PresenceUnknown" {
		return ""
	}
	return spaced(string(p.Activity))
}

// spaced turns Graph's "InAConferenceCall" into "In a conference call".
func spaced(word string) string {
	var b strings.Builder
	for i, r := range word {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte(' ')
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// shortly is a duration in its largest unit.
func shortly(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// cells measures text as most terminals do, whatever the locale says.
var cells = func() *runewidth.Condition {
	c := runewidth.NewCondition()
	c.EastAsianWidth = false
	return c
}()

// fit cuts or fills text to a number of cells.
func fit(text string, width int) string {
	if width <= 0 {
		return ""
	}
	if text = clean(text); cells.StringWidth(text) > width {
		text = cells.Truncate(text, width, "…")
	}
	return cells.FillRight(text, width)
}

// clean keeps whatever people wrote from commanding the terminal.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
}
