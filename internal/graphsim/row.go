package graphsim

import (
	"strconv"
	"time"
)

// record is a user's state during one span of time. Everything but prev is
// fixed once it stands in the tenant; prev is guarded by the tenant's lock.
type record struct {
	content *content
	number  uint64
	since   time.Duration // after the tenant's birth
	prev    *record
}

const numberDigits = 10

// appendNumber writes a sequence number as Graph's one published sample has it:
// a letter and ten digits ("A0129311063"), so that it sorts as a string.
func appendNumber(dst []byte, n uint64) []byte {
	var b [1 + numberDigits]byte
	b[0] = 'A'
	for i := numberDigits; i > 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return append(dst, b[:]...)
}

func sequenceNumber(n uint64) string { return string(appendNumber(nil, n)) }

func parseNumber(s string) (uint64, bool) {
	if len(s) != 1+numberDigits || s[0] != 'A' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[1:], 10, 64)
	return n, err == nil && n > 0
}

// shape says which properties a row has and how they are spelled.
type shape struct {
	lowerCamel   bool
	extra        bool // properties nobody published
	sparse       bool // a null property is left out
	own          bool // read by the user: the status message has its dates
	odataType    bool
	without      properties
	born         time.Time
	replaceWords bool // PresenceUnknown for whatever it is
}

type properties uint8

const (
	withoutOutOfOffice properties = 1 << iota
	withoutStatusMessage
	withoutWorkLocation
	withoutSequence
	withoutAvailability
	withoutActivity
)

var propertyNames = map[string]properties{
	"outOfOfficeSettings": withoutOutOfOffice,
	"statusMessage":       withoutStatusMessage,
	"workLocation":        withoutWorkLocation,
	"sequenceNumber":      withoutSequence,
	"availability":        withoutAvailability,
	"activity":            withoutActivity,
}

// appendMembers writes a row without its opening brace, in the order of the
// documented sample.
func appendMembers(dst []byte, id guid, r *record, s shape) []byte {
	c := r.content
	if s.odataType {
		dst = append(dst, `"@odata.type":"#microsoft.graph.presence",`...)
	}
	dst = append(dst, `"id":"`...)
	dst = id.append(dst)
	dst = append(dst, '"')
	availability, activity := c.availability, c.activity
	switch {
	case s.replaceWords && s.lowerCamel:
		availability, activity = `"presenceUnknown"`, `"presenceUnknown"`
	case s.replaceWords:
		availability, activity = `"PresenceUnknown"`, `"PresenceUnknown"`
	case s.lowerCamel:
		availability, activity = c.camelAvailability, c.camelActivity
	}
	if s.without&withoutAvailability == 0 {
		dst = append(append(dst, `,"availability":`...), availability...)
	}
	if s.without&withoutActivity == 0 {
		dst = append(append(dst, `,"activity":`...), activity...)
	}
	if s.without&withoutOutOfOffice == 0 {
		dst = append(append(dst, `,"outOfOfficeSettings":`...), c.outOfOffice...)
	}
	if s.without&withoutStatusMessage == 0 && (!s.sparse || c.noteOwn != "") {
		dst = append(dst, `,"statusMessage":`...)
		if s.own && c.noteOwn != "" {
			dst = append(append(dst, c.noteOwn...), `,"publishedDateTime":"`...)
			dst = s.born.Add(r.since).UTC().AppendFormat(dst, "2006-01-02T15:04:05.0000000Z")
			dst = append(dst, `"}`...)
		} else {
			dst = append(dst, c.note...)
		}
	}
	if s.without&withoutWorkLocation == 0 && (!s.sparse || c.place != "null") {
		dst = append(append(dst, `,"workLocation":`...), c.place...)
	}
	if s.without&withoutSequence == 0 {
		dst = append(dst, `,"sequenceNumber":"`...)
		dst = append(appendNumber(dst, r.number), '"')
	}
	if s.extra {
		dst = append(dst, `,"mood":"curious","deviceSessions":[{"kind":"mobile","battery":0.4}],"lastSeenDateTime":"2026-01-31T09:30:00Z"`...)
	}
	return append(dst, '}')
}
