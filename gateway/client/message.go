package client

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

// message is what the gateway says. Only the members that its type has are set.
type message struct {
	Type             string               `json:"type"`
	ID               int                  `json:"id"`
	HeartbeatSeconds float64              `json:"heartbeatSeconds"`
	Limits           limits               `json:"limits"`
	State            string               `json:"state"`
	Reason           string               `json:"reason"`
	Since            time.Time            `json:"since"`
	Presences        []Presence           `json:"presences"`
	Pending          []string             `json:"pending"`
	Gone             []string             `json:"gone"`
	Denied           []string             `json:"denied"`
	Invalid          []string             `json:"invalid"`
	Resolved         map[string]string    `json:"resolved"`
	Members          map[string][]string  `json:"members"`
	Joined           map[string][]string  `json:"joined"`
	Left             map[string][]string  `json:"left"`
	More             bool                 `json:"more"`
	Users            []string             `json:"users"`
	At               time.Time            `json:"at"`
	Oldest           time.Time            `json:"oldest"`
	ObservedAt       map[string]time.Time `json:"observedAt"`
	Code             string               `json:"code"`
	Message          string               `json:"message"`
	InSeconds        int                  `json:"inSeconds"`
	ReconnectAfterMs int64                `json:"reconnectAfterMs"`
}

type limits struct {
	UsersPerMessage   int `json:"usersPerMessage"`
	MessageBytes      int `json:"messageBytes"`
	MessagesPerSecond int `json:"messagesPerSecond"`
}

// What is taken for granted where a hello does not say.
func (l limits) withDefaults() limits {
	set := func(limit *int, value int) {
		if *limit <= 0 {
			*limit = value
		}
	}
	set(&l.UsersPerMessage, wire.MaxUsers)
	set(&l.MessageBytes, 1<<20)
	set(&l.MessagesPerSecond, 20)
	return l
}

var types = map[string]bool{wire.Hello: true, wire.Status: true, wire.Snapshot: true, wire.Delta: true, wire.Gone: true,
	wire.Heartbeat: true, wire.Ack: true, wire.Failure: true, wire.Pong: true, wire.Expiring: true, wire.Goodbye: true}

// decode reads one message. Unknown members are ignored, and unknown types, which come back with a type that nothing
// handles. A known one with a missing or mistyped member is refused whole: a state that was misread is worse than a
// connection made anew.
func decode(text []byte) (m message, err error) {
	if err := json.Unmarshal(text, &m); err != nil {
		var kind struct {
			Type string `json:"type"`
		}
		if json.Unmarshal(text, &kind) == nil && kind.Type != "" && !types[kind.Type] {
			return message{Type: kind.Type}, nil
		}
		return m, fmt.Errorf("%w: not understood", ErrProtocol)
	}
	complete := m.Type != ""
	switch m.Type {
	case wire.Hello:
		complete = m.HeartbeatSeconds > 0
	case wire.Status:
		complete = m.State != ""
	case wire.Heartbeat, wire.Pong:
		complete = !m.At.IsZero()
	}
	for i := range m.Presences {
		p := &m.Presences[i]
		complete = complete && p.ID != "" && p.Version != "" && !p.ObservedAt.IsZero()
	}
	if !complete {
		return m, fmt.Errorf("%w: a member of a %.16q is missing", ErrProtocol, m.Type)
	}
	return m, nil
}

// pingText is a ping on the wire.
func pingText(id int, users []string) []byte {
	m := map[string]any{"type": wire.Ping, "id": id}
	if len(users) > 0 {
		m["users"] = users
	}
	text, _ := json.Marshal(m) // strings, numbers and maps of them always can be
	return text
}
