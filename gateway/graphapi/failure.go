package graphapi

import (
	"encoding/json"
	"net/http"
	"time"
)

// Error is a refusal as Graph words it: programs branch on Code, people read Message.
type Error struct {
	Status     int
	Code       string // empty: the usual one of Status
	Message    string
	RetryAfter int    // seconds; 0: not said
	Allow      string // the methods there are, for 405; empty: not said
}

// Error returns the message.
func (e *Error) Error() string { return "graphapi: " + e.Message }

// codes are the words that Graph uses with a status.
var codes = map[int]string{
	http.StatusBadRequest:            "BadRequest",
	http.StatusUnauthorized:          "InvalidAuthenticationToken",
	http.StatusForbidden:             "Forbidden",
	http.StatusNotFound:              "NotFound",
	http.StatusMethodNotAllowed:      "Request_BadRequest",
	http.StatusRequestTimeout:        "RequestTimeout",
	http.StatusRequestEntityTooLarge: "RequestEntityTooLarge",
	http.StatusUnsupportedMediaType:  "RequestBodyRead",
	http.StatusFailedDependency:      "FailedDependency",
	http.StatusTooManyRequests:       "TooManyRequests",
	http.StatusServiceUnavailable:    "ServiceUnavailable",
}

func (e *Error) code() string {
	if e.Code != "" {
		return e.Code
	}
	if code, known := codes[e.Status]; known {
		return code
	}
	return "InternalServerError"
}

// body is the error as the answer to a request with these ids.
func (e *Error) body(id ids) []byte {
	type inner struct {
		Date            string `json:"date"`
		RequestID       string `json:"request-id"`
		ClientRequestID string `json:"client-request-id"`
	}
	var answer struct {
		Error struct {
			Code       string `json:"code"`
			Message    string `json:"message"`
			InnerError inner  `json:"innerError"`
		} `json:"error"`
	}
	answer.Error.Code, answer.Error.Message = e.code(), e.Message
	answer.Error.InnerError = inner{time.Now().UTC().Format("2006-01-02T15:04:05"), id.request, id.client}
	text, _ := json.Marshal(answer) // strings only: always can be
	return text
}

func badRequest(message string) *Error {
	return &Error{Status: http.StatusBadRequest, Message: message}
}
