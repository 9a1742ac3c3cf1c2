package main

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway/client"
)

// column is one of the table.
type column struct {
	title string
	width int
	text  func(b *board, row *boardRow) string
}

// columns divide the width: what matters comes first, and more of it where there is room.
func columns(width int) []column {
	list := []column{
		{"NAME", 24, func(b *board, row *boardRow) string {
			if name := b.people[row.id].DisplayName; name != "" {
				return name
			}
			return row.id
		}},
		{"PRESENCE", 19, func(_ *board, row *boardRow) string { f := faceOf(row); return f.shape + " " + f.words }},
		{"ACTIVITY", 22, func(_ *board, row *boardRow) string { return activityOf(row) }},
		{"AGE", 7, func(b *board, row *boardRow) string {
			if age, known := b.client.Age(row.id); known && row.absence == "" {
				return shortly(age)
			}
			return ""
		}},
	}
	if width >= 110 {
		list = append(list, column{"DEPARTMENT", 24, func(b *board, row *boardRow) string { return b.people[row.id].Department }})
	}
	if width >= 140 {
		list = append(list, column{"TITLE", 28, func(b *board, row *boardRow) string { return b.people[row.id].JobTitle }})
	}
	if width >= 170 {
		list = append(list, column{"NOTE", 20, func(_ *board, row *boardRow) string { return noteOf(row) }})
	}
	used := 2 * len(list) // a gap behind each, and the margin
	for _, c := range list {
		used += c.width
	}
	spare := width - used
	for i := len(list) - 1; i > 0 && spare < 0; i-- { // a narrow terminal loses what is on the right
		if list[i].title == "AGE" {
			continue
		}
		cut := min(-spare, list[i].width)
		list[i].width -= cut
		spare += cut
	}
	list[0].width = max(1, list[0].width+min(spare, 20))
	if spare > 20 {
		list[len(list)-1].width += spare - 20
	}
	return list
}

// noteOf is what people wrote of themselves, where the gateway passes it on.
func noteOf(row *boardRow) string {
	p := &row.presence
	var notes []string
	if row.absence != "" {
		return ""
	}
	if o := p.OutOfOffice; o != nil && o.IsOutOfOffice != nil && *o.IsOutOfOffice {
		notes = append(notes, "out of office")
	}
	if p.WorkLocation != nil && p.WorkLocation.Type != "" && p.WorkLocation.Type != "unspecified" {
		notes = append(notes, spaced(p.WorkLocation.Type))
	}
	if p.StatusMessage != nil {
		notes = append(notes, p.StatusMessage.Message.Content)
	}
	return strings.Join(notes, " · ")
}

func (b *board) paint(text string, s style) string {
	if !b.colour || s == plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// frame is the whole table, line by line, for a terminal of this size.
func (b *board) frame(width, height int) []string {
	rows := b.sorted()
	b.page = max(1, height-5)
	b.top = max(0, min(b.top, len(rows)-b.page))
	list := columns(width)
	var head strings.Builder
	for _, c := range list {
		if c.width > 0 {
			head.WriteString(" " + fit(c.title, c.width) + " ")
		}
	}
	lines := []string{b.title(width), b.counts(width), b.paint(fit(head.String(), width), dim)}
	for _, row := range rows[b.top:min(len(rows), b.top+b.page)] {
		lines = append(lines, b.line(list, row, width))
	}
	for len(lines) < height-2 {
		lines = append(lines, "")
	}
	lines = append(lines, "", b.foot(len(rows), width))
	if len(lines) > height {
		lines = lines[:height]
	}
	return lines
}

func (b *board) line(list []column, row *boardRow, width int) string {
	f := faceOf(row)
	unsure := b.status.State != client.Live
	var text strings.Builder
	used := 0
	for _, c := range list {
		if c.width <= 0 || used+c.width+2 > width {
			continue
		}
		used += c.width + 2
		cell := fit(c.text(b, row), c.width)
		switch {
		case unsure:
			cell = b.paint(cell, dim)
		case c.title == "PRESENCE":
			cell = b.paint(cell, f.style)
		case c.title == "NAME":
			cell = b.paint(cell, bold)
		case c.title != "ACTIVITY":
			cell = b.paint(cell, grey)
		}
		text.WriteString(" " + cell + " ")
	}
	return text.String()
}

// title says who one is connected to, and how things stand.
func (b *board) title(width int) string {
	text, s := b.standing()
	status := cells.Truncate(clean(text), max(0, width-20), "…")
	left := width - cells.StringWidth(status) - 2
	return b.paint(fit(" Presence Gateway", left), bold) + b.paint(status, s) + "  "
}

func (b *board) standing() (string, style) {
	since := shortly(time.Since(b.status.Since))
	switch s := b.status; s.State {
	case client.Live:
		return "● live", green
	case client.Degraded:
		return "▲ degraded for " + since + ": " + strings.ReplaceAll(s.Reason, "_", " "), yellow
	case client.Down:
		retry := ""
		if left := time.Until(s.Retry); left > time.Second {
			retry = fmt.Sprintf(", again in %d s", int(left.Seconds()+0.5))
		}
		return "◌ reconnecting for " + since + retry + ": " + cause(s), red
	}
	return "◌ connecting", yellow
}

// cause is why there is no connection, in few words.
func cause(s client.Status) string {
	var operation *net.OpError
	var lookup *net.DNSError
	switch {
	case errors.As(s.Err, &lookup):
		return "no such host " + lookup.Name
	case errors.As(s.Err, &operation):
		return strings.TrimPrefix(operation.Err.Error(), "connect: ")
	}
	return strings.ReplaceAll(s.Reason, "_", " ")
}

// counts says how many there are of each kind.
func (b *board) counts(width int) string {
	kinds := []client.Availability{client.Available, client.Busy, client.DoNotDisturb, client.Away, client.BeRightBack, client.Offline}
	count, other := map[client.Availability]int{}, 0
	for _, row := range b.rows {
		kind := row.presence.Availability
		switch kind {
		case client.AvailableIdle:
			kind = client.Available
		case client.BusyIdle:
			kind = client.Busy
		}
		if _, known := faces[kind]; !known || row.absence != "" || kind == client.PresenceUnknown {
			other++
		} else {
			count[kind]++
		}
	}
	var texts []string
	var styles []style
	add := func(n int, shape, words string, s style) {
		if n > 0 {
			texts, styles = append(texts, fmt.Sprintf("%s %d %s", shape, n, words)), append(styles, s)
		}
	}
	for _, kind := range kinds {
		add(count[kind], faces[kind].shape, strings.ToLower(faces[kind].words), faces[kind].style)
	}
	add(other, "?", "other", grey)
	if cells.StringWidth(strings.Join(texts, "   "))+2 > width {
		for i := range texts {
			texts[i] = narrow.Replace(texts[i])
		}
	}
	line, used := " ", 1
	for i, text := range texts {
		if used += cells.StringWidth(text) + 3; used <= width+2 {
			line += b.paint(text, styles[i]) + "   "
		}
	}
	return strings.TrimSuffix(line, "   ")
}

// narrow shortens words as people do.
var narrow = strings.NewReplacer("do not disturb", "dnd", "be right back", "brb")

// foot says what else there is.
func (b *board) foot(rows, width int) string {
	text := fmt.Sprintf(" %d people", rows)
	if rows == 1 {
		text = " 1 person"
	}
	if rows > b.page {
		text = fmt.Sprintf(" %d–%d of %d people · arrows, PgUp and PgDn scroll", b.top+1, min(rows, b.top+b.page), rows)
	}
	text += " · q quits"
	if b.notice != "" {
		text += " · " + b.notice
	}
	return b.paint(fit(text, width), dim)
}
