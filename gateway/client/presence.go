package client

import "time"

// Availability is Graph's base presence. It is an open set: values that were not known when this was written are
// passed through unchanged.
type Availability string

// The values that Graph documents.
const (
	Available       Availability = "Available"
	AvailableIdle   Availability = "AvailableIdle"
	Away            Availability = "Away"
	BeRightBack     Availability = "BeRightBack"
	Busy            Availability = "Busy"
	BusyIdle        Availability = "BusyIdle"
	DoNotDisturb    Availability = "DoNotDisturb"
	Offline         Availability = "Offline"
	PresenceUnknown Availability = "PresenceUnknown"
)

// Activity says what an availability is for. It is an open set like [Availability]; those below are what services ask
// for most.
type Activity string

// Some of the values that Graph documents.
const (
	InACall            Activity = "InACall"
	InAConferenceCall  Activity = "InAConferenceCall"
	InAMeeting         Activity = "InAMeeting"
	Presenting         Activity = "Presenting"
	UrgentInterruption Activity = "UrgentInterruptionsOnly"
	OutOfOffice        Activity = "OutOfOffice"
	OffWork            Activity = "OffWork"
)

// Presence is the whole state of one user, in Graph's names. Members beyond id, availability and activity are nil
// where the gateway does not pass them on, or the caller may not see them. It marshals to the JSON it came from.
type Presence struct {
	ID             string               `json:"id"` // Entra object id, in lower case
	Availability   Availability         `json:"availability"`
	Activity       Activity             `json:"activity"`
	OutOfOffice    *OutOfOfficeSettings `json:"outOfOfficeSettings,omitempty"`
	StatusMessage  *StatusMessage       `json:"statusMessage,omitempty"`
	WorkLocation   *WorkLocation        `json:"workLocation,omitempty"`
	SequenceNumber string               `json:"sequenceNumber,omitempty"` // Graph's; empty where the cloud gives none
	Version        string               `json:"version"`                  // sorts byte by byte in the order of this user's states
	ObservedAt     time.Time            `json:"observedAt"`               // Graph confirmed the state in a read begun then or later
	Since          *Since               `json:"since,omitempty"`
}

// OutOfOfficeSettings is Graph's outOfOfficeSettings.
type OutOfOfficeSettings struct {
	IsOutOfOffice *bool  `json:"isOutOfOffice,omitempty"`
	Message       string `json:"message,omitempty"`
}

// StatusMessage is Graph's presenceStatusMessage.
type StatusMessage struct {
	Message Text `json:"message"`
}

// Text is Graph's itemBody. Show Content as text, whatever it looks like.
type Text struct {
	Content     string `json:"content"`
	ContentType string `json:"contentType,omitempty"`
}

// WorkLocation is Graph's userWorkLocation.
type WorkLocation struct {
	Type    string `json:"workLocationType"`
	Source  string `json:"source,omitempty"`
	PlaceID string `json:"placeId,omitempty"`
}

// Since says when availability or activity last changed: at At, or up to WithinMs milliseconds before.
type Since struct {
	At       time.Time `json:"at"`
	WithinMs int64     `json:"withinMs"`
}
