package graphsim

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ErrUnknownGroup is returned for an id that no group of the tenant has.
var ErrUnknownGroup = errors.New("graphsim: no such group")

// SetMember puts a user into a group, or takes them out of it and of every
// group within it.
func (t *Tenant) SetMember(group, user string, member bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	g, err := parseGUID(group)
	root, known := t.p.circleAt[g]
	if err != nil || !known {
		return fmt.Errorf("%w: %s", ErrUnknownGroup, group)
	}
	r := t.resident(user)
	if r == nil {
		return fmt.Errorf("%w: %s", ErrUnknownUser, user)
	}
	if member {
		t.p.join(root, t.p.byID[r.id])
	} else {
		t.p.leave(root, t.p.byID[r.id])
	}
	return nil
}

// appendTruth writes the truth about one user: Graph's own row, whole, and when
// it last changed, in real time.
func (t *Tenant) appendTruth(dst []byte, id guid, rec *record) []byte {
	dst = appendMembers(append(dst, '{'), id, rec, shape{})
	dst = append(dst[:len(dst)-1], `,"changedAt":"`...)
	dst = t.born.Add(rec.since).UTC().AppendFormat(dst, "2006-01-02T15:04:05.000000Z")
	return append(dst, `"}`...)
}

func (t *Tenant) truthOf(id string) (any, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	r := t.resident(id)
	if r == nil {
		return nil, fmt.Errorf("%w: %s", ErrUnknownUser, id)
	}
	return json.RawMessage(t.appendTruth(nil, r.id, r.now)), nil
}

// serveTruth is the truth about everybody at one instant, a line for each.
func (t *Tenant) serveTruth(w http.ResponseWriter, _ *http.Request) {
	type line struct {
		id  guid
		now *record
	}
	t.mu.RLock()
	lines := make([]line, len(t.p.people))
	for i := range t.p.people {
		lines[i] = line{t.p.people[i].id, t.p.people[i].now}
	}
	last := t.journal.last
	t.mu.RUnlock()
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Change", strconv.FormatUint(last, 10))
	out := bufio.NewWriterSize(w, 64<<10)
	var row []byte
	for _, l := range lines {
		row = append(t.appendTruth(row[:0], l.id, l.now), '\n')
		if _, err := out.Write(row); err != nil {
			return
		}
	}
	_ = out.Flush()
}

// number reads a query parameter that is a whole number of at least least.
func number(r *http.Request, name string, usual, least int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least {
		return 0, mistake{fmt.Errorf("%s: %q is not a whole number of at least %d", name, text, least)}
	}
	return n, nil
}

// listChanges answers ?after=N&top=M: the changes after the N-th, oldest first.
func (t *Tenant) listChanges(r *http.Request) (any, error) {
	after, err := number(r, "after", 0, 0)
	if err != nil {
		return nil, err
	}
	top, err := number(r, "top", 10000, 1)
	if err != nil {
		return nil, err
	}
	type change struct {
		id guid
		r  *record
	}
	var found []change
	t.mu.RLock()
	last, lost := t.journal.after(uint64(after), top, func(e entry) {
		found = append(found, change{t.p.people[e.who].id, e.record})
	})
	t.mu.RUnlock()
	rows := make([]json.RawMessage, len(found))
	for i, c := range found {
		rows[i] = t.appendTruth(nil, c.id, c.r)
	}
	return map[string]any{"changes": rows, "last": last, "lost": lost}, nil
}

type personRow struct {
	ID          string          `json:"id"`
	DisplayName string          `json:"displayName"`
	Department  string          `json:"department"`
	JobTitle    string          `json:"jobTitle"`
	Mail        string          `json:"mail"`
	PinnedUntil *time.Time      `json:"pinnedUntil,omitempty"`
	Presence    json.RawMessage `json:"presence"`
}

// listPeople answers ?top=&skip=&search=: people with the truth about them.
func (t *Tenant) listPeople(r *http.Request) (any, error) {
	top, err := number(r, "top", 100, 1)
	if err != nil {
		return nil, err
	}
	skip, err := number(r, "skip", 0, 0)
	if err != nil {
		return nil, err
	}
	search := strings.ToLower(r.URL.Query().Get("search"))
	rows := []personRow{}
	t.mu.RLock()
	defer t.mu.RUnlock()
	now, i := t.age(), skip
	for ; i < len(t.p.people) && len(rows) < top; i++ {
		person := &t.p.people[i]
		p := person.person()
		if search != "" && !strings.Contains(strings.ToLower(p.DisplayName+"\n"+p.Mail+"\n"+p.Department), search) {
			continue
		}
		row := personRow{p.ID, p.DisplayName, p.Department, p.JobTitle, p.Mail, nil, t.appendTruth(nil, person.id, person.now)}
		if person.pinned > now {
			until := t.born.Add(person.pinned).UTC()
			row.PinnedUntil = &until
		}
		rows = append(rows, row)
	}
	answer := map[string]any{"value": rows, "total": len(t.p.people)}
	if i < len(t.p.people) {
		answer["nextSkip"] = i
	}
	return answer, nil
}
