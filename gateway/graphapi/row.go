package graphapi

import (
	"strconv"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Standing says what there is of a user, as far as the caller may know.
type Standing uint8

// The standings.
const (
	Unknown Standing = iota // Graph does not know the user, or the caller may not see them: which of both is told to nobody
	Unread                  // about to be read for the first time
	Old                     // last confirmed too long ago to be shown as new
	Known
)

// Row is one user as the caller may see them. State counts where the user is known.
type Row struct {
	Standing Standing
	State    presence.State
	View     presence.Fields // beyond availability and activity
}

// appendRow appends the members of a presence, without the opening brace: all that Graph's type has, null where there is
// nothing or it may not be seen. A user who is not known is PresenceUnknown, whatever the reason.
func appendRow(dst []byte, id presence.ID, r *Row) []byte {
	dst = append(dst, `"id":"`...)
	dst, _ = id.AppendText(dst)
	if r.Standing != Known {
		return append(dst, `","availability":"PresenceUnknown","activity":"PresenceUnknown","outOfOfficeSettings":null,`+
			`"statusMessage":null,"workLocation":null,"sequenceNumber":null}`...)
	}
	facts := r.State.Content.Facts()
	dst = append(dst, `","availability":`...)
	dst = presence.AppendString(dst, facts.Availability)
	dst = append(dst, `,"activity":`...)
	dst = presence.AppendString(dst, facts.Activity)
	dst = append(dst, `,"outOfOfficeSettings":`...)
	dst = appendOutOfOffice(dst, &facts, r.View)
	dst = append(dst, `,"statusMessage":`...)
	if r.View.Has(presence.StatusMessage) && facts.StatusMessage != "" {
		dst = append(dst, `{"message":{"content":`...)
		dst = presence.AppendString(dst, facts.StatusMessage)
		dst = append(dst, `,"contentType":"text"}}`...)
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(dst, `,"workLocation":`...)
	if r.View.Has(presence.WorkLocation) && facts.WorkLocation != (presence.Place{}) {
		dst = append(dst, `{"placeId":`...)
		dst = appendNullable(dst, facts.WorkLocation.ID)
		dst = append(dst, `,"source":`...)
		dst = appendNullable(dst, facts.WorkLocation.Source)
		dst = append(dst, `,"workLocationType":`...)
		dst = appendNullable(dst, facts.WorkLocation.Type)
		dst = append(dst, '}')
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(dst, `,"sequenceNumber":`...)
	if r.State.Unnumbered {
		dst = append(dst, "null"...)
	} else {
		dst = appendNullable(dst, r.State.Version.Sequence)
	}
	return append(dst, '}')
}

func appendOutOfOffice(dst []byte, facts *presence.Facts, view presence.Fields) []byte {
	flag, message := facts.OutOfOffice, facts.OutOfOfficeMessage
	if !view.Has(presence.OutOfOffice) {
		flag = presence.Unset
	}
	if !view.Has(presence.OutOfOfficeMessage) {
		message = ""
	}
	if flag == presence.Unset && message == "" {
		return append(dst, "null"...)
	}
	dst = append(dst, `{"message":`...)
	dst = appendNullable(dst, message)
	dst = append(dst, `,"isOutOfOffice":`...)
	if flag == presence.Unset {
		dst = append(dst, "null"...)
	} else {
		dst = strconv.AppendBool(dst, flag == presence.True)
	}
	return append(dst, '}')
}

func appendNullable(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, "null"...)
	}
	return presence.AppendString(dst, s)
}
