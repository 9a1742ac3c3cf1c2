package client

import "time"

// Event is something that changed since the consumer last looked: [Changed], [Absent], [Membership], [Resolved],
// [Status] or [Refused].
type Event interface{ event() }

// Changed is a new state of a user. It is whole: it replaces what was held.
type Changed struct{ Presence Presence }

// Absent says that there is no state of a user (or of a group, or of a string that is no id), and why. A state held
// before is to be dropped: whoever is absent is unknown, not offline.
type Absent struct {
	ID  string
	Why Absence
}

// Absence is why there is no state.
type Absence string

// The reasons.
const (
	Pending   Absence = "pending"   // the gateway has not read this user yet; a state follows
	Unknown   Absence = "unknown"   // Graph does not know the user, or they opted out; they stay watched
	Unwatched Absence = "unwatched" // no longer subscribed to, no longer in the group, or no longer allowed
	Denied    Absence = "denied"    // user or group: the policy refuses, or nobody watches them, whether they exist or not
	Invalid   Absence = "invalid"   // the string is no id, and no e-mail address of somebody the caller may see
)

// Membership says who joined and left a subscribed group since the consumer last looked. Of a group just subscribed
// to, all members join.
type Membership struct {
	Group        string
	Joined, Left []string
}

// Resolved says which user an e-mail address belongs to.
type Resolved struct{ Mail, ID string }

// Refused says that the gateway did not do what was asked: the subscription stays as it was.
type Refused struct {
	Selection Selection
	Err       *RequestError
}

// Status is how things stand between here and Graph.
type Status struct {
	State  State
	Reason string    // Degraded: the gateway's reason. Down: one of those below. Else empty
	Since  time.Time // when this began: by the gateway's clock when Degraded, by this machine's otherwise
	Err    error     // Down: what ended the connection, or why there is none
	Retry  time.Time // Down: when the next attempt is made
}

// State is whether states arrive as Graph tells them.
type State string

// The states.
const (
	Connecting State = "connecting" // no connection yet, or what is held is still being compared with the gateway's
	Live       State = "live"       // everything subscribed to was answered, and the gateway's reads succeed
	Degraded   State = "degraded"   // connected, but the gateway says that its reads fail
	Down       State = "down"       // the connection was lost or refused; another attempt follows
)

// Why there is no connection.
const (
	Lost       = "lost"       // the network, or a connection that could not be made
	Silent     = "silent"     // nothing was heard for 2.5 heartbeats
	Restarting = "restarting" // the gateway drains, and asked to come back
	Crowded    = "busy"       // the gateway, or this subject, has too many connections or sent too much
	SignedOut  = "signed_out" // the token is not valid, or no longer
	Stalled    = "stalled"    // this end took nothing in for too long
	Garbled    = "protocol"   // what arrived is not presence.v1.json
)

func (Changed) event()    {}
func (Absent) event()     {}
func (Membership) event() {}
func (Resolved) event()   {}
func (Refused) event()    {}
func (Status) event()     {}
