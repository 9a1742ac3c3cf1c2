package redis

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/hub/fleet"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// payload is a message as it is published.
type payload struct {
	Version   int               `json:"version"`
	Shard     int               `json:"shard"`
	Fence     uint64            `json:"fence"`
	From      position          `json:"from"`
	To        position          `json:"to"`
	At        time.Time         `json:"at"`
	Status    status            `json:"status"`
	Directory hexNumber         `json:"directory"`
	Forgotten []presence.ID     `json:"forgotten"`
	Lapsed    []presence.ID     `json:"lapsed"`
	Reload    bool              `json:"reload"`
	Presences []storedPresence  `json:"presences"`
	Gone      []storedPresence  `json:"gone"`
	Answered  []int64           `json:"answeredMicros"` // of presences, then of gone
	Confirmed []confirmedByRead `json:"confirmed"`
}

type confirmedByRead struct {
	ObservedAt time.Time     `json:"observedAt"`
	Users      []presence.ID `json:"users"`
}

type position struct {
	Epoch  hexNumber `json:"epoch"`
	Offset uint64    `json:"offset"`
	Count  int       `json:"count"`
	Digest hexNumber `json:"digest"`
}

func (p position) position() fleet.Position {
	return fleet.Position{Epoch: uint64(p.Epoch), Offset: p.Offset, Count: p.Count, Digest: uint64(p.Digest)}
}

type hexNumber uint64

// UnmarshalText reads hexadecimal digits.
func (n *hexNumber) UnmarshalText(text []byte) error {
	parsed, err := strconv.ParseUint(string(text), 16, 64)
	*n = hexNumber(parsed)
	return err
}

type status struct {
	State  string          `json:"state"`
	Reason presence.Reason `json:"reason"`
	Since  time.Time       `json:"since"`
}

func (s status) status() presence.Status {
	if s.State != "degraded" {
		return presence.Status{}
	}
	return presence.Status{Reason: s.Reason, Since: s.Since}
}

// storedPresence is a state as it is written.
type storedPresence struct {
	ID           presence.ID `json:"id"`
	Gone         bool        `json:"gone"`
	Availability string      `json:"availability"`
	Activity     string      `json:"activity"`
	OutOfOffice  struct {
		Is      *bool  `json:"isOutOfOffice"`
		Message string `json:"message"`
	} `json:"outOfOfficeSettings"`
	StatusMessage struct {
		Message struct {
			Content string `json:"content"`
		} `json:"message"`
	} `json:"statusMessage"`
	WorkLocation struct {
		Type   string `json:"workLocationType"`
		Source string `json:"source"`
		ID     string `json:"placeId"`
	} `json:"workLocation"`
	SequenceNumber *string   `json:"sequenceNumber"`
	Version        string    `json:"version"`
	ObservedAt     time.Time `json:"observedAt"`
	Since          struct {
		At       time.Time `json:"at"`
		WithinMs int64     `json:"withinMs"`
	} `json:"since"`
}

// everything lets pass what the writer was allowed to write: what is shown of it, each reader's own policy decides.
const everything = ^presence.Fields(0)

func (p *storedPresence) item() (hub.Item, error) {
	version, err := presence.ParseVersion(p.Version)
	if err != nil {
		return hub.Item{}, err
	}
	item := hub.Item{
		State: presence.State{ID: p.ID, Version: version, Unnumbered: p.SequenceNumber == nil,
			Since: presence.Since{At: p.Since.At, Within: time.Duration(p.Since.WithinMs) * time.Millisecond}},
		ObservedAt: p.ObservedAt,
	}
	if p.Gone {
		return item, nil
	}
	facts := presence.Facts{
		Availability: p.Availability, Activity: p.Activity,
		OutOfOfficeMessage: p.OutOfOffice.Message, StatusMessage: p.StatusMessage.Message.Content,
		WorkLocation: presence.Place{Type: p.WorkLocation.Type, Source: p.WorkLocation.Source, ID: p.WorkLocation.ID},
	}
	if p.OutOfOffice.Is != nil {
		facts.OutOfOffice = presence.FlagOf(*p.OutOfOffice.Is)
	}
	item.Content = presence.Intern(facts, everything)
	return item, nil
}

func readPresence(text []byte) (hub.Item, error) {
	var p storedPresence
	if err := json.Unmarshal(text, &p); err != nil {
		return hub.Item{}, private(err)
	}
	return p.item()
}

// readMessage reads what was published for a shard.
func readMessage(shard int, text []byte) (*fleet.Message, error) {
	var p payload
	if err := json.Unmarshal(text, &p); err != nil {
		return nil, private(err)
	}
	if p.Version != payloadVersion || p.Shard != shard {
		return nil, fmt.Errorf("version %d for shard %d", p.Version, p.Shard)
	}
	m := &fleet.Message{
		Shard: shard, Fence: p.Fence, From: p.From.position(), To: p.To.position(),
		Forgotten: p.Forgotten, Lapsed: p.Lapsed, Reload: p.Reload,
		Status: p.Status.status(), Directory: uint64(p.Directory), At: p.At,
	}
	if n := len(p.Presences) + len(p.Gone); n > 0 {
		m.States = make([]hub.Item, 0, n)
	}
	for _, part := range [][]storedPresence{p.Presences, p.Gone} {
		for i := range part {
			item, err := part[i].item()
			if err != nil {
				return nil, err
			}
			if n := len(m.States); n < len(p.Answered) && p.Answered[n] != 0 {
				item.AnsweredAt = time.UnixMicro(p.Answered[n])
			}
			m.States = append(m.States, item)
		}
	}
	for _, c := range p.Confirmed {
		m.Confirmed = append(m.Confirmed, fleet.Confirmed{Asked: c.ObservedAt, Users: c.Users})
	}
	return m, nil
}

func readStatus(text []byte) (presence.Status, error) {
	if len(text) == 0 {
		return presence.Status{}, nil
	}
	var s status
	if err := json.Unmarshal(text, &s); err != nil {
		return presence.Status{}, private(err)
	}
	return s.status(), nil
}

// private is an error without what it quotes of a text, which may be about a person.
func private(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("no JSON at byte %d", syntax.Offset)
	case errors.As(err, &kind):
		return fmt.Errorf("%s is not what it should be", kind.Field)
	}
	return errors.New("not what it should be")
}

func laterOf(t time.Time, ms int64) time.Time {
	if ms > t.UnixMilli() {
		return time.UnixMilli(ms)
	}
	return t
}
