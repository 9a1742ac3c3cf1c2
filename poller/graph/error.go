package graph

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// ErrCredential is in the chain of every error that says there is no token to ask with. No request was sent then.
var ErrCredential = errors.New("no token")

// Error is why a request brought nothing usable. None of its texts holds a token or a presence, so all may be logged.
type Error struct {
	Op      string // what was tried: "read presences", "read group members"
	Status  int    // HTTP status; 0 where no answer arrived. 200 with an Err: the answer was not what was asked for
	Code    string // Graph's error code, on which to branch; may be empty
	Message string // Graph's own words, bounded; never to branch on

	RetryAfter    time.Duration // how long Graph wants to be left alone, 0 to 24 h
	RetryAfterSet bool          // whether it said so

	Claims string // of a 401 that challenges the token: what the next one must be asked for with, JSON; see [Claims]

	RequestID       string // Graph's id of the request, for its support
	ClientRequestID string // ours, sent with the request; empty where none was sent

	Answered bool  // an answer's header arrived, whatever followed it
	Err      error // the cause, where it is not Graph's refusal
}

// Error says all that is set but the client's own request id.
func (e *Error) Error() string {
	var text strings.Builder
	text.WriteString("graph: " + e.Op)
	if e.Status != 0 && (e.Status != http.StatusOK || e.Err == nil) {
		fmt.Fprintf(&text, ": %d %s", e.Status, http.StatusText(e.Status))
	}
	if e.Code != "" {
		text.WriteString(": " + e.Code)
	}
	if e.Message != "" {
		text.WriteString(": " + e.Message)
	}
	if e.Err != nil {
		text.WriteString(": " + e.Err.Error())
	}
	if e.RetryAfterSet {
		fmt.Fprintf(&text, " (retry after %v)", e.RetryAfter)
	}
	if e.RequestID != "" {
		text.WriteString(" (request " + e.RequestID + ")")
	}
	return text.String()
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// maxErrorBytes is how much of a refusal's body is looked at.
const maxErrorBytes = 64 << 10

// refusal is Graph's error body ("Microsoft Graph error responses"). Inner errors nest, and come as innerError in
// live answers but as innererror in the type's description: encoding/json takes a name in any letter case.
type refusal struct {
	Code      string   `json:"code"`
	Message   string   `json:"message"`
	RequestID string   `json:"request-id"`
	Inner     *refusal `json:"innerError"`
}

// explain fills in what a refusal's body says: the outermost code and message that are not empty, and Graph's
// request id where the header had none. A body that is not Graph's (a proxy's page) leaves e as it is.
func (e *Error) explain(body []byte, token Token) {
	var answer struct {
		Error *refusal `json:"error"`
	}
	// What does fit is filled in even where something does not (a code that is a number); what is no JSON at all
	// fills in nothing. Neither is worth an error about an error.
	_ = json.Unmarshal(body, &answer)
	for r := answer.Error; r != nil; r = r.Inner {
		e.Code = cmp.Or(e.Code, token.conceal(r.Code, 128))
		e.Message = cmp.Or(e.Message, token.conceal(r.Message, 512))
		e.RequestID = cmp.Or(e.RequestID, token.conceal(r.RequestID, 64))
	}
}

// conceal makes a stranger's text fit for one line of a log: no token, should the other side have repeated it, at
// most about limit bytes, nothing unprintable.
func (t Token) conceal(text string, limit int) string {
	text = strings.ReplaceAll(text, t.Value, redacted)
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && r != utf8.RuneError {
			return r
		}
		return ' '
	}, text[:min(len(text), 4*limit)])
	text = strings.TrimSpace(text)
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit] + "…"
}
