package client

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/coder/websocket"
)

// Why not to act on a state: see [Client.Usable].
var (
	ErrNotLive = errors.New("client: states are not live")
	ErrNoState = errors.New("client: no state is held")
	ErrTooOld  = errors.New("client: the state was confirmed too long ago")
)

// Why a connection ended, besides what the gateway and the network say.
var (
	ErrSilent    = errors.New("client: nothing was heard for 2.5 heartbeats")
	ErrProtocol  = errors.New("client: what arrived is not presence.v1.json")
	ErrSameToken = errors.New("client: the token was refused, and the source has no other yet")
	ErrInUse     = errors.New("client: Events is being consumed already")
)

// CloseError is the close of a connection by the gateway. 1009, 4400 and 4403 are final, and so is 4401 where no other
// token can be had.
type CloseError struct {
	Code   int
	Reason string // the gateway's words
}

// Error returns code and reason.
func (e *CloseError) Error() string {
	return fmt.Sprintf("client: the gateway closed the connection with %d: %s", e.Code, e.Reason)
}

// HandshakeError is an answer other than a WebSocket, of the gateway or of something in front of it.
type HandshakeError struct{ Status int }

// Error returns the status.
func (e *HandshakeError) Error() string {
	return fmt.Sprintf("client: connect: the answer is %d %s", e.Status, http.StatusText(e.Status))
}

// RequestError is the gateway's refusal of a message. The connection goes on.
type RequestError struct {
	Code    string // bad_message, forbidden, too_many_users, ...
	Message string // for a person
}

// Error returns both.
func (e *RequestError) Error() string {
	return "client: the gateway refuses: " + e.Code + ": " + e.Message
}

// The gateway's close codes, as far as they are treated apart.
const (
	codeTooLarge  = int(websocket.StatusMessageTooBig)
	codeRestart   = int(websocket.StatusServiceRestart)
	codeProtocol  = 4400
	codeSignIn    = 4401
	codeForbidden = 4403
	codeNoSignIn  = 4408
	codeStalled   = 4409
	codeTooMany   = 4429
)

// closing turns the WebSocket library's error into ours.
func closing(err error) error {
	var closed websocket.CloseError
	if errors.As(err, &closed) {
		return &CloseError{Code: int(closed.Code), Reason: closed.Reason}
	}
	return fmt.Errorf("client: connection lost: %w", err)
}

func closeCode(err error) int {
	var closed *CloseError
	if errors.As(err, &closed) {
		return closed.Code
	}
	return 0
}

// final reports whether the same attempt cannot succeed later. renewable says that another token can be had.
func final(err error, renewable bool) bool {
	switch closeCode(err) {
	case codeTooLarge, codeProtocol, codeForbidden:
		return true
	case codeSignIn:
		return !renewable
	}
	return false
}

// reason names why there is no connection, for [Status].
func reason(err error) string {
	switch closeCode(err) {
	case codeRestart:
		return Restarting
	case codeTooMany:
		return Crowded
	case codeSignIn, codeNoSignIn:
		return SignedOut
	case codeStalled:
		return Stalled
	}
	var answer *HandshakeError
	switch {
	case errors.Is(err, ErrSilent):
		return Silent
	case errors.Is(err, ErrProtocol):
		return Garbled
	case errors.Is(err, ErrSameToken):
		return SignedOut
	case errors.As(err, &answer):
		switch answer.Status {
		case http.StatusUnauthorized:
			return SignedOut
		case http.StatusTooManyRequests, http.StatusServiceUnavailable:
			return Crowded
		}
	}
	return Lost
}
