// Package wire is the messages of the protocol presence.v1.json, as both ends read and write them.
//
// What the server says is appended piece by piece ([AppendHello], [OpenSnapshot], [OpenDelta], ...), so that a frame
// is composed without a copy and pieces can be shared by many frames. What a client says is read by [Decode], which
// bounds everything before it builds anything and names what is wrong and where. A client in Go reads what the
// server says into a [Message].
//
// Every message is one JSON object in one text frame. Unknown members are ignored both ways, unknown types by
// clients. The functions here keep nothing and are safe for concurrent use.
package wire

// Protocol is the WebSocket subprotocol, the only one that is ever selected.
const Protocol = "presence.v1.json"

// What no message exceeds.
const (
	MaxFrame       = 256 << 10 // bytes of a server's message
	MaxUsers       = 5000      // users and groups named by one message of a client
	MaxPingUsers   = 100       // users named by a ping
	maxIDLength    = 32        // bytes of a client's number
	maxDepth       = 8         // nesting of what is ignored
	maxMailLength  = 320       // bytes of a string that may be an e-mail address
	maxEchoedBytes = 64        // of a client's string, in an error or a list of invalid ones
)

// The types of message a client sends.
const (
	Subscribe    = "subscribe"
	Unsubscribe  = "unsubscribe"
	Authenticate = "authenticate"
	Ping         = "ping"
)

// The types of message a server sends.
const (
	Hello     = "hello"
	Status    = "status"
	Snapshot  = "snapshot"
	Delta     = "delta"
	Gone      = "gone"
	Heartbeat = "heartbeat"
	Ack       = "ack"
	Failure   = "error"
	Pong      = "pong"
	Expiring  = "expiring"
	Goodbye   = "goodbye"
)

// Why a user's state is to be dropped.
const (
	Unknown   = "unknown"   // Graph does not know the user, or they opted out; they stay watched
	Unwatched = "unwatched" // left a subscribed group, is no longer watched, or no longer allowed
)

// Why the server ends a connection that was in order.
const (
	Draining      = "draining"       // the server restarts
	RightsChanged = "rights_changed" // what the caller may see did: come back for it
)

// Code says what was wrong with a message. The connection stays open and its subscriptions as they were.
type Code string

// The codes.
const (
	BadMessage      Code = "bad_message"
	Unauthenticated Code = "unauthenticated"
	Forbidden       Code = "forbidden"
	TooManyUsers    Code = "too_many_users"
	RateLimited     Code = "rate_limited"
	Unsupported     Code = "unsupported"
)

// Error is what an `error` message says.
type Error struct {
	Code    Code
	Message string // what is wrong and where, for a person
}

// Error returns both.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }
