package wire

import (
	"encoding/json"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Message is what a server says, as a client in Go reads it with encoding/json. Only the members that its Type has
// are set.
type Message struct {
	Type             string                        `json:"type"`
	ID               json.Number                   `json:"id"`
	Protocol         string                        `json:"protocol"`
	Connection       string                        `json:"connection"`
	HeartbeatSeconds float64                       `json:"heartbeatSeconds"`
	Limits           Limits                        `json:"limits"`
	State            string                        `json:"state"` // live, degraded
	Reason           string                        `json:"reason"`
	Since            time.Time                     `json:"since"`
	Presences        []Presence                    `json:"presences"`
	Pending          []presence.ID                 `json:"pending"`
	Gone             []presence.ID                 `json:"gone"`
	Denied           []presence.ID                 `json:"denied"`
	Invalid          []string                      `json:"invalid"`
	Resolved         map[string]presence.ID        `json:"resolved"`
	Members          map[presence.ID][]presence.ID `json:"members"`
	Joined           map[presence.ID][]presence.ID `json:"joined"`
	Left             map[presence.ID][]presence.ID `json:"left"`
	More             bool                          `json:"more"`
	Users            []presence.ID                 `json:"users"`
	At               time.Time                     `json:"at"`
	Oldest           time.Time                     `json:"oldest"`
	ObservedAt       map[presence.ID]time.Time     `json:"observedAt"`
	Code             Code                          `json:"code"`
	Message          string                        `json:"message"`
	InSeconds        int                           `json:"inSeconds"`
	ReconnectAfterMs int                           `json:"reconnectAfterMs"`
}

// Presence is one state, as a client in Go reads it. Raw holds all of it, Graph's own members included.
type Presence struct {
	ID           presence.ID `json:"id"`
	Availability string      `json:"availability"`
	Activity     string      `json:"activity"`
	Version      string      `json:"version"`
	ObservedAt   time.Time   `json:"observedAt"`
	Raw          json.RawMessage
}

// UnmarshalJSON reads a presence object and keeps it.
func (p *Presence) UnmarshalJSON(text []byte) error {
	type plain Presence
	if err := json.Unmarshal(text, (*plain)(p)); err != nil {
		return err
	}
	p.Raw = append([]byte(nil), text...)
	return nil
}
