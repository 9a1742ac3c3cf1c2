package main

import (
	"cmp"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway/client"
)

// board is what the table shows.
type board struct {
	client *client.Client
	people map[string]named
	rows   map[string]*boardRow
	status client.Status
	notice string // what the gateway refused last
	colour bool

	top  int // first row shown
	page int // rows the last frame had room for
}

// boardRow is one line of the table.
type boardRow struct {
	id       string
	presence client.Presence // the last one, whatever came since
	absence  client.Absence  // empty: the presence stands
}

func newBoard(c *client.Client) *board {
	return &board{client: c, rows: map[string]*boardRow{}, status: client.Status{State: client.Connecting, Since: time.Now()},
		colour: os.Getenv("NO_COLOR") == ""}
}

// take takes an event, and reports whether somebody is on the board now who is nobody in the directory.
func (b *board) take(event client.Event) (stranger bool) {
	switch e := event.(type) {
	case client.Changed:
		row := b.row(e.Presence.ID)
		row.presence, row.absence = e.Presence, ""
		_, known := b.people[row.id]
		return !known
	case client.Absent:
		if e.Why == client.Unwatched {
			delete(b.rows, e.ID)
			return false
		}
		b.row(e.ID).absence = e.Why
		_, known := b.people[e.ID]
		return !known
	case client.Status:
		b.status = e
	case client.Refused:
		b.notice = "refused: " + e.Err.Message
	}
	return false
}

func (b *board) row(id string) *boardRow {
	if b.rows[id] == nil {
		b.rows[id] = &boardRow{id: id}
	}
	return b.rows[id]
}

// sorted is the rows by name; whoever has none comes last, by id.
func (b *board) sorted() []*boardRow {
	rows := make([]*boardRow, 0, len(b.rows))
	for _, row := range b.rows {
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(x, y *boardRow) int {
		p, q := b.people[x.id].DisplayName, b.people[y.id].DisplayName
		if (p == "") != (q == "") {
			return cmp.Compare(len(q), len(p))
		}
		return cmp.Or(strings.Compare(strings.ToLower(p), strings.ToLower(q)), strings.Compare(x.id, y.id))
	})
	return rows
}

func (b *board) scroll(k key) {
	switch k {
	case keyUp:
		b.top--
	case keyDown:
		b.top++
	case keyPageUp:
		b.top -= max(1, b.page-1)
	case keyPageDown:
		b.top += max(1, b.page-1)
	case keyHome:
		b.top = 0
	case keyEnd:
		b.top = len(b.rows)
	}
	b.top = max(0, min(b.top, len(b.rows)-b.page))
}
