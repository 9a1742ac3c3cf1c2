package redis

import (
	"strconv"
	"time"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/hub/fleet"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// payloadVersion is of the messages; what can be added without harm to readers does not raise it.
const payloadVersion = 1

// encode returns the payload of a message, empty where none is published, and the text of each of its states.
func (s *Store) encode(m *fleet.Message, fence uint64) (payload string, presences []string) {
	b := make([]byte, 0, 512+320*len(m.States))
	b = append(b, `{"version":`...)
	b = strconv.AppendInt(b, payloadVersion, 10)
	b = append(b, `,"shard":`...)
	b = strconv.AppendInt(b, int64(m.Shard), 10)
	b = append(b, `,"fence":`...)
	b = strconv.AppendUint(b, fence, 10)
	b = append(b, `,"from":`...)
	b = appendPosition(b, m.From)
	b = append(b, `,"to":`...)
	b = appendPosition(b, m.To)
	b = append(b, `,"at":`...)
	b = presence.AppendTime(b, m.At)
	b = append(b, `,"status":`...)
	b = append(b, statusText(m.Status)...)
	b = append(b, `,"directory":"`...)
	b = append(b, hexadecimal(m.Directory)...)
	b = append(b, '"')
	b = appendUsers(b, "forgotten", m.Forgotten)
	b = appendUsers(b, "lapsed", m.Lapsed)
	if m.Reload {
		b = append(b, `,"reload":true`...)
	}
	presences = make([]string, len(m.States))
	var here, gone, answered []byte
	for _, wanted := range []bool{false, true} { // those who are gone stand behind the others
		for i := range m.States {
			item := &m.States[i]
			if item.Gone() != wanted {
				continue
			}
			to := &here
			if wanted {
				to = &gone
			}
			if len(*to) > 0 {
				*to = append(*to, ',')
			}
			from := len(*to)
			*to = appendPresence(*to, item, s.o.Fields)
			presences[i] = string((*to)[from:])
			if len(answered) > 0 {
				answered = append(answered, ',')
			}
			answered = strconv.AppendInt(answered, micros(item.AnsweredAt), 10)
		}
	}
	if !m.Reload {
		b = appendList(b, "presences", here)
		b = appendList(b, "gone", gone)
		b = appendList(b, "answeredMicros", answered)
	}
	for i, c := range m.Confirmed {
		if i == 0 {
			b = append(b, `,"confirmed":[`...)
		} else {
			b = append(b, ',')
		}
		b = append(b, `{"observedAt":`...)
		b = presence.AppendTime(b, c.Asked)
		b = appendUsers(b, "users", c.Users)
		b = append(b, '}')
	}
	if len(m.Confirmed) > 0 {
		b = append(b, ']')
	}
	return string(append(b, '}')), presences
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func appendPosition(b []byte, p fleet.Position) []byte {
	b = append(b, `{"epoch":"`...)
	b = append(b, hexadecimal(p.Epoch)...)
	b = append(b, `","offset":`...)
	b = strconv.AppendUint(b, p.Offset, 10)
	b = append(b, `,"count":`...)
	b = strconv.AppendInt(b, int64(p.Count), 10)
	b = append(b, `,"digest":"`...)
	b = append(b, hexadecimal(p.Digest)...)
	return append(b, `"}`...)
}

func appendUsers(b []byte, name string, users []presence.ID) []byte {
	if len(users) == 0 {
		return b
	}
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":["`...)
	for i, id := range users {
		if i > 0 {
			b = append(b, `","`...)
		}
		b, _ = id.AppendText(b)
	}
	return append(b, `"]`...)
}

func appendList(b []byte, name string, list []byte) []byte {
	if len(list) == 0 {
		return b
	}
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":[`...)
	b = append(b, list...)
	return append(b, ']')
}

// appendPresence appends a state: a presence as the gateway's clients are sent it, or what is left of one who is gone.
func appendPresence(b []byte, item *hub.Item, fields presence.Fields) []byte {
	if !item.Gone() {
		return item.AppendJSON(b, fields, item.ObservedAt)
	}
	b = append(b, `{"id":"`...)
	b, _ = item.ID.AppendText(b)
	b = append(b, `","gone":true`...)
	if !item.Unnumbered && item.Version.Sequence != "" {
		b = append(b, `,"sequenceNumber":`...)
		b = presence.AppendString(b, item.Version.Sequence)
	}
	b = append(b, `,"version":"`...)
	b, _ = item.Version.AppendText(b)
	b = append(b, `","observedAt":`...)
	b = presence.AppendTime(b, item.ObservedAt)
	return append(b, '}')
}

// statusText is the status as the gateway's clients are told it, without its type.
func statusText(s presence.Status) string {
	if s.Live() {
		return `{"state":"live"}`
	}
	b := append([]byte(`{"state":"degraded","reason":`), strconv.Quote(string(s.Reason))...)
	b = append(b, `,"since":`...)
	return string(append(presence.AppendTime(b, s.Since), '}'))
}
