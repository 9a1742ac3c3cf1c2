package graphsim

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"
)

const (
	jsonType  = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
	errorType = "application/json"
	htmlType  = "text/html; charset=us-ascii"
)

// answer is what goes back, before the connection's faults.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func newAnswer(status int, contentType string, body []byte) *answer {
	return &answer{status: status, header: http.Header{"Content-Type": {contentType}}, body: body}
}

// found is a successful OData answer.
func found(body []byte) *answer {
	a := newAnswer(http.StatusOK, jsonType, body)
	a.header.Set("OData-Version", "4.0")
	return a
}

type errorBody struct {
	Error struct {
		Code       string      `json:"code"`
		Message    string      `json:"message"`
		InnerError *innerError `json:"innerError,omitempty"`
		LowerInner *innerError `json:"innererror,omitempty"`
	} `json:"error"`
}

type innerError struct {
	Code            string `json:"code,omitempty"`
	Date            string `json:"date"`
	Message         string `json:"message,omitempty"`
	RequestID       string `json:"request-id"`
	ClientRequestID string `json:"client-request-id,omitempty"`
	Status          string `json:"status,omitempty"`
}

// fail is Graph's error body.
func (c *call) fail(status int, code, message string) *answer {
	return c.failWith(status, code, message, innerError{})
}

func (c *call) failWith(status int, code, message string, inner innerError) *answer {
	inner.Date = time.Now().UTC().Format("2006-01-02T15:04:05")
	inner.RequestID, inner.ClientRequestID = c.requestID, c.clientRequestID
	var b errorBody
	b.Error.Code, b.Error.Message = code, message
	if c.fate.lowerInner {
		b.Error.LowerInner = &inner
	} else {
		b.Error.InnerError = &inner
	}
	body, err := json.Marshal(b)
	if err != nil {
		body = nil // unreachable: strings only
	}
	return newAnswer(status, errorType, body)
}

func (c *call) badRequest(message string) *answer {
	return c.fail(http.StatusBadRequest, "BadRequest", message)
}

// tooMany is the documented answer to a read over the limit.
func (c *call) tooMany(pause time.Duration) *answer {
	a := c.failWith(http.StatusTooManyRequests, "TooManyRequests", "Please retry again later.",
		innerError{Code: "429", Message: "Please retry after", Status: "429"})
	c.t.meter.announce(c.pauseIn(a, pause))
	return a
}

// pauseIn writes Retry-After and returns the pause that was announced by it:
// none when the header is switched off.
func (c *call) pauseIn(a *answer, pause time.Duration) time.Duration {
	r := c.fate.retryAfter
	if r.Seconds > 0 {
		pause = time.Duration(r.Seconds * float64(time.Second))
	}
	seconds := max(math.Ceil(pause.Seconds()), 1)
	switch r.Form {
	case "absent":
		return 0
	case "date":
		now := time.Now()
		at := now.Add(time.Duration(seconds) * time.Second).Truncate(time.Second).Add(time.Second)
		a.header.Set("Retry-After", at.UTC().Format(http.TimeFormat))
		return at.Sub(now)
	default:
		a.header.Set("Retry-After", strconv.Itoa(int(seconds)))
		return time.Duration(seconds) * time.Second
	}
}

// ordered is the answer of the status switch.
func (c *call) ordered(s *Status, ids uint64) *answer {
	pause := time.Duration(s.RetryAfter * float64(time.Second))
	if s.Status == http.StatusTooManyRequests {
		if pause == 0 {
			pause = 10 * time.Second
		}
		return c.tooMany(pause)
	}
	words, known := statusWords[s.Status]
	if !known {
		words = [2]string{"UnknownError", http.StatusText(s.Status)}
	}
	a := c.fail(s.Status, words[0], words[1])
	if pause > 0 {
		if announced := c.pauseIn(a, pause); announced > 0 {
			c.t.meter.spell(ids, announced)
		}
	}
	return a
}

var statusWords = map[int][2]string{
	400: {"BadRequest", "Bad Request"},
	404: {"NotFound", "Not Found"},
	409: {"Conflict", "Conflict"},
	500: {"InternalServerError", "Internal Server Error"},
	502: {"BadGateway", "Bad Gateway"},
	503: {"ServiceUnavailable", "The service is temporarily unavailable. Please retry your request."},
	504: {"GatewayTimeout", "The upstream service did not answer in time."},
	509: {"BandwidthLimitExceeded", "Bandwidth limit exceeded."},
}
