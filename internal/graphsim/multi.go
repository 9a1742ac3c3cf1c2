package graphsim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// maxParts is the documented most that one $batch takes.
const maxParts = 20

type part struct {
	ID        string            `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	Body      json.RawMessage   `json:"body"`
	DependsOn []string          `json:"dependsOn"`
}

type partAnswer struct {
	ID      string            `json:"id"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    json.RawMessage   `json:"body,omitempty"`
}

// multi is POST /$batch: each part is a call of its own, counted as such, with
// the outer call's sign-in. Faults of the connection strike the whole, all
// others each part.
func (c *call) multi() *answer {
	c.kind = kindBatch
	c.fate = c.t.faults.draw(kindBatch, outerRequest)
	c.pauseFor(c.fate.delay)
	var body struct {
		Requests []part `json:"requests"`
	}
	if err := json.Unmarshal(c.body, &body); err != nil || len(body.Requests) == 0 {
		return c.badRequest("Invalid batch payload format.")
	}
	if len(body.Requests) > maxParts {
		return c.fail(http.StatusBadRequest, "MaximumValueExceeded", "Number of batch request steps exceeds the maximum value of 20.")
	}
	status := make(map[string]int, len(body.Requests))
	for _, p := range body.Requests {
		if _, twice := status[p.ID]; twice || p.ID == "" || p.Method == "" || p.URL == "" {
			return c.badRequest("Every request needs an id of its own, a method and a url.")
		}
		status[p.ID] = 0
	}
	answers := make([]partAnswer, 0, len(body.Requests))
	for i := range body.Requests {
		p := &body.Requests[i]
		for _, d := range p.DependsOn {
			// 0: unknown, or not answered yet. Graph wants parts to follow what they
			// depend on.
			if s, known := status[d]; !known || s == 0 {
				return c.badRequest("The request '" + p.ID + "' depends on '" + d + "', which does not come before it.")
			}
		}
		a := c.part(p, status)
		status[p.ID] = a.status
		one := partAnswer{ID: p.ID, Status: a.status, Headers: make(map[string]string, len(a.header)), Body: a.body}
		for name := range a.header {
			one.Headers[name] = a.header.Get(name)
		}
		answers = append(answers, one)
	}
	out, err := json.Marshal(struct {
		Responses []partAnswer `json:"responses"`
	}{answers})
	if err != nil {
		return c.fail(http.StatusInternalServerError, "InternalServerError", "Internal Server Error")
	}
	return newAnswer(http.StatusOK, errorType, out)
}

func (c *call) part(p *part, status map[string]int) *answer {
	in := &call{t: c.t, ctx: c.ctx, method: strings.ToUpper(p.Method), header: c.header.Clone(), body: p.Body, base: c.base,
		requestID: c.t.newGUID().String(), clientRequestID: c.clientRequestID}
	in.header.Del("Content-Type")
	in.header.Del("ConsistencyLevel")
	for name, value := range p.Headers {
		in.header.Set(name, value)
	}
	for _, d := range p.DependsOn {
		if status[d] >= 400 {
			return in.fail(http.StatusFailedDependency, "FailedDependency", "A request that this one depends on failed.")
		}
	}
	if len(p.Body) > 0 && in.header.Get("Content-Type") == "" {
		return in.badRequest("Write request id : " + p.ID + " does not contain Content-Type header or body.")
	}
	u, err := url.Parse(p.URL)
	if err != nil || u.IsAbs() {
		return in.badRequest("Invalid url of request " + p.ID + ".")
	}
	in.path, in.query, in.rawPath = segments(u.Path), u.Query(), "/v1.0/"+strings.Trim(u.Path, "/")
	if len(in.path) == 1 && in.path[0] == "$batch" {
		return in.badRequest("A batch may not hold another.")
	}
	return in.perform(innerRequest)
}
