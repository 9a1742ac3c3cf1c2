package wire

import (
	"strconv"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Limits is what a client is told of the bounds it lives in.
type Limits struct {
	UsersPerMessage    int `json:"usersPerMessage"`
	UsersPerConnection int `json:"usersPerConnection"`
	MessageBytes       int `json:"messageBytes"`
	MessagesPerSecond  int `json:"messagesPerSecond"`
}

// AppendHello appends the first message of a connection.
func AppendHello(dst []byte, connection string, heartbeat time.Duration, l Limits) []byte {
	dst = append(dst, `{"type":"hello","protocol":"`+Protocol+`","connection":`...)
	dst = presence.AppendString(dst, connection)
	dst = append(dst, `,"heartbeatSeconds":`...)
	dst = strconv.AppendFloat(dst, heartbeat.Seconds(), 'f', -1, 64)
	dst = append(dst, `,"limits":{"usersPerMessage":`...)
	dst = strconv.AppendInt(dst, int64(l.UsersPerMessage), 10)
	dst = append(dst, `,"usersPerConnection":`...)
	dst = strconv.AppendInt(dst, int64(l.UsersPerConnection), 10)
	dst = append(dst, `,"messageBytes":`...)
	dst = strconv.AppendInt(dst, int64(l.MessageBytes), 10)
	dst = append(dst, `,"messagesPerSecond":`...)
	dst = strconv.AppendInt(dst, int64(l.MessagesPerSecond), 10)
	return append(dst, `}}`...)
}

// AppendStatus appends whether states are being read and delivered.
func AppendStatus(dst []byte, s presence.Status) []byte {
	if s.Live() {
		return append(dst, `{"type":"status","state":"live"}`...)
	}
	dst = append(dst, `{"type":"status","state":"degraded","reason":`...)
	dst = presence.AppendString(dst, string(s.Reason))
	dst = append(dst, `,"since":`...)
	dst = presence.AppendTime(dst, s.Since)
	return append(dst, '}')
}

// AppendHeartbeat appends a heartbeat. oldest is left out where it is zero: the connection holds no state.
func AppendHeartbeat(dst []byte, at, oldest time.Time) []byte {
	dst = append(dst, `{"type":"heartbeat","at":`...)
	dst = presence.AppendTime(dst, at)
	if !oldest.IsZero() {
		dst = append(dst, `,"oldest":`...)
		dst = presence.AppendTime(dst, oldest)
	}
	return append(dst, '}')
}

// AppendAck appends the answer to what was done.
func AppendAck(dst []byte, id string) []byte {
	return append(appendID(append(dst, `{"type":"ack"`...), id), '}')
}

// AppendError appends the answer to what was not done.
func AppendError(dst []byte, id string, e *Error) []byte {
	dst = appendID(append(dst, `{"type":"error"`...), id)
	dst = append(dst, `,"code":"`...)
	dst = append(dst, e.Code...)
	dst = append(dst, `","message":`...)
	dst = presence.AppendString(dst, e.Message)
	return append(dst, '}')
}

// Observation is when the state of a user was last confirmed.
type Observation struct {
	ID presence.ID
	At time.Time
}

// AppendPong appends the answer to a ping; observations are of the users it named.
func AppendPong(dst []byte, id string, at time.Time, observations []Observation) []byte {
	dst = appendID(append(dst, `{"type":"pong"`...), id)
	dst = append(dst, `,"at":`...)
	dst = presence.AppendTime(dst, at)
	dst = append(dst, `,"observedAt":{`...)
	for i, o := range observations {
		dst = appendKey(dst, i, o.ID)
		dst = presence.AppendTime(dst, o.At)
	}
	return append(dst, `}}`...)
}

// AppendExpiring appends the notice that the sign-in ends soon.
func AppendExpiring(dst []byte, in time.Duration) []byte {
	dst = append(dst, `{"type":"expiring","inSeconds":`...)
	dst = strconv.AppendInt(dst, int64(in/time.Second), 10)
	return append(dst, '}')
}

// AppendGoodbye appends the last message before the server closes.
func AppendGoodbye(dst []byte, reason string, reconnectAfter time.Duration) []byte {
	dst = append(dst, `{"type":"goodbye","reason":"`...)
	dst = append(dst, reason...)
	dst = append(dst, `","reconnectAfterMs":`...)
	dst = strconv.AppendInt(dst, reconnectAfter.Milliseconds(), 10)
	return append(dst, '}')
}

// AppendGone appends that the states of ids are to be dropped; reason is [Unknown] or [Unwatched].
func AppendGone(dst []byte, ids []presence.ID, reason string) []byte {
	dst = append(dst, `{"type":"gone","users":`...)
	dst = appendIDs(dst, ids)
	dst = append(dst, `,"reason":"`...)
	dst = append(dst, reason...)
	return append(dst, `"}`...)
}

// OpenSnapshot begins a snapshot, or a part of one; presences follow, separated by commas, then [CloseList].
func OpenSnapshot(dst []byte, id string) []byte {
	return append(appendID(append(dst, `{"type":"snapshot"`...), id), `,"presences":[`...)
}

// OpenList begins an HTTP answer that has a snapshot's members.
func OpenList(dst []byte) []byte { return append(dst, `{"presences":[`...) }

// OpenDelta begins a delta; presences follow, separated by commas, then [CloseList].
func OpenDelta(dst []byte) []byte { return append(dst, `{"type":"delta","presences":[`...) }

// CloseList ends the presences.
func CloseList(dst []byte) []byte { return append(dst, ']') }

// AppendIDs appends the member `name` with a list of ids.
func AppendIDs(dst []byte, name string, ids []presence.ID) []byte {
	return appendIDs(appendName(dst, name), ids)
}

// AppendStrings appends the member `name` with a list of strings.
func AppendStrings(dst []byte, name string, list []string) []byte {
	dst = append(appendName(dst, name), '[')
	for i, s := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = presence.AppendString(dst, s)
	}
	return append(dst, ']')
}

// Resolution is which user an e-mail address belongs to.
type Resolution struct {
	Mail string
	ID   presence.ID
}

// AppendResolved appends the member `resolved`.
func AppendResolved(dst []byte, list []Resolution) []byte {
	dst = append(appendName(dst, "resolved"), '{')
	for i, r := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = presence.AppendString(dst, r.Mail)
		dst = append(dst, `:"`...)
		dst, _ = r.ID.AppendText(dst)
		dst = append(dst, '"')
	}
	return append(dst, '}')
}

// Membership is users of a group: all of them, or those who joined or left.
type Membership struct {
	Group presence.ID
	Users []presence.ID
}

// AppendMemberships appends the member `name`: members, joined or left.
func AppendMemberships(dst []byte, name string, list []Membership) []byte {
	dst = append(appendName(dst, name), '{')
	for i, m := range list {
		dst = appendKey(dst, i, m.Group)
		dst = appendIDs(dst, m.Users)
	}
	return append(dst, '}')
}

// Close ends a message; more says that another part of the same snapshot follows.
func Close(dst []byte, more bool) []byte {
	if more {
		dst = append(dst, `,"more":true`...)
	}
	return append(dst, '}')
}

// IDSize is the bytes an id takes in a list, its comma included.
const IDSize = 36 + 2 + 1

func appendIDs(dst []byte, ids []presence.ID) []byte {
	dst = append(dst, '[')
	for i, id := range ids {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '"')
		dst, _ = id.AppendText(dst)
		dst = append(dst, '"')
	}
	return append(dst, ']')
}

func appendKey(dst []byte, i int, id presence.ID) []byte {
	if i > 0 {
		dst = append(dst, ',')
	}
	dst = append(dst, '"')
	dst, _ = id.AppendText(dst)
	return append(dst, `":`...)
}

func appendName(dst []byte, name string) []byte {
	dst = append(dst, `,"`...)
	dst = append(dst, name...)
	return append(dst, `":`...)
}

func appendID(dst []byte, id string) []byte {
	if id == "" {
		return dst
	}
	return append(append(dst, `,"id":`...), id...)
}
