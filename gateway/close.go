package gateway

import (
	"errors"
	"io"
	"net"
	"os"

	"github.com/coder/websocket"
)

// Why a connection ends.
var (
	errDraining    = errors.New("gateway: draining")
	errTooLarge    = errors.New("gateway: message too large")
	errTooSlow     = errors.New("gateway: message not completed in time")
	errFragments   = errors.New("gateway: fragments too small")
	errProtocol    = errors.New("gateway: bad protocol")
	errNoText      = errors.New("gateway: text that is no UTF-8")
	errSubprotocol = errors.New("gateway: subprotocol not offered")
	errSignIn      = errors.New("gateway: bad sign-in")
	errUndecided   = errors.New("gateway: the sign-in cannot be judged now")
	errNoRights    = errors.New("gateway: another subject")
	errExpired     = errors.New("gateway: sign-in ended")
	errRights      = errors.New("gateway: rights changed")
	errCrowded     = errors.New("gateway: too many connections of one subject")
	errNoSignIn    = errors.New("gateway: no sign-in in time")
	errStalled     = errors.New("gateway: stalled")
	errFlood       = errors.New("gateway: too many messages")
	errFull        = errors.New("gateway: too many connections")
	errInternal    = errors.New("gateway: internal error")
	errPeerGone    = errors.New("gateway: peer gone") // it ended without a word; there is nobody to tell
)

const codeProtocol = 4400

// closings is the contract of close codes. A client reconnects after every one but 1009, 4400 and 4403.
var closings = map[error]struct {
	code   websocket.StatusCode
	reason string
}{
	errDraining:    {websocket.StatusServiceRestart, "restarting"},
	errTooLarge:    {websocket.StatusMessageTooBig, "message too large: see limits.messageBytes in hello"},
	errTooSlow:     {codeProtocol, "message not completed in time"},
	errFragments:   {4429, "too many fragments: thousands, of a few bytes each"},
	errProtocol:    {codeProtocol, "bad protocol"},
	errNoText:      {codeProtocol, "a text message that is no UTF-8"},
	errSubprotocol: {codeProtocol, "offer the subprotocol presence.v1.json"},
	errSignIn:      {4401, "not signed in: the token is not valid here"},
	errUndecided:   {websocket.StatusServiceRestart, "the sign-in cannot be judged now: come back with the same token"},
	errNoRights:    {4403, "another subject: open another connection"},
	errExpired:     {4401, "expired: the sign-in has ended"},
	errRights:      {websocket.StatusServiceRestart, "rights changed: connect again"},
	errCrowded:     {4429, "too many connections: see gateway.limits.connections_per_subject"},
	errNoSignIn:    {4408, "no sign-in in time"},
	errStalled:     {4409, "stalled: nothing was taken in"},
	errFlood:       {4429, "too many messages"},
	errFull:        {4429, "too many connections"},
	errInternal:    {websocket.StatusInternalError, "internal error"},
	errPeerGone:    {websocket.StatusAbnormalClosure, ""},
}

// reasonOf turns what ended a reading loop into one of the above, or into the close that the peer sent.
func reasonOf(err error) error {
	var network net.Error
	switch _, listed := closings[err]; {
	case listed, websocket.CloseStatus(err) != -1:
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return errPeerGone
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errTooSlow
	case errors.As(err, &network):
		return errPeerGone
	}
	return errProtocol
}

// codeOf returns the code a connection ended with, for the books.
func codeOf(reason error) websocket.StatusCode {
	if closing, listed := closings[reason]; listed {
		return closing.code
	}
	if code := websocket.CloseStatus(reason); code != -1 {
		return code
	}
	return websocket.StatusAbnormalClosure
}
