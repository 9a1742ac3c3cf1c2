package graphapi

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// item is one request of a batch.
type item struct {
	ID        string            `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	Body      json.RawMessage   `json:"body"`
	DependsOn []string          `json:"dependsOn"`

	read    *reading
	refused *Error
	named   ids
}

// batch answers POST $batch. Everyone whom its requests name is asked for at once, so that it waits no longer than one
// of them would. All are by the caller of the whole.
func (h *Handler) batch(w http.ResponseWriter, r *http.Request, caller Caller, kind string, body []byte) error {
	items, refused := decodeBatch(kind, body)
	if refused != nil {
		return refused
	}
	reads := []*reading{{}} // at least one: fetch of nobody is nobody
	client := w.Header().Get("client-request-id")
	for i := range items {
		it := &items[i]
		it.named = ids{newID(), client}
		for name, value := range it.Headers {
			if strings.EqualFold(name, "client-request-id") && plain(value) {
				it.named.client = value
			}
		}
		it.read, it.refused = it.plan(caller)
		if it.refused == nil {
			reads = append(reads, it.read)
		}
	}
	rows := fetch(r.Context(), caller, reads...)
	for i := range items {
		if it := &items[i]; it.refused == nil {
			it.refused = it.read.refusal(rows)
		}
	}
	fail(items)

	w.Header().Set("Content-Type", "application/json")
	root := h.source.Root(r) + Prefix
	p := &page{w: w}
	p.text(`{"responses":[`)
	for i := range items {
		if i > 0 {
			p.text(",")
		}
		items[i].write(p, root, rows)
		p.spill()
	}
	p.text("]}")
	p.end()
	return nil
}

func decodeBatch(kind string, body []byte) ([]item, *Error) {
	if e := wantJSON(kind); e != nil {
		return nil, e
	}
	var q struct {
		Requests []item `json:"requests"`
	}
	if err := json.Unmarshal(body, &q); err != nil || len(q.Requests) == 0 {
		return nil, badRequest("Invalid batch payload format: want {\"requests\":[{\"id\":\"1\",\"method\":\"GET\",\"url\":\"/...\"}]}.")
	}
	if len(q.Requests) > MaxRequests {
		return nil, &Error{Status: http.StatusBadRequest, Code: "MaximumValueExceeded",
			Message: "Number of batch request steps exceeds the maximum value of " + strconv.Itoa(MaxRequests) + "."}
	}
	return q.Requests, ordered(q.Requests)
}

// ordered refuses requests without a name of their own, and those that depend on what is not there or on each other.
func ordered(items []item) *Error {
	at := make(map[string]int, len(items))
	for i := range items {
		it := &items[i]
		if _, twice := at[it.ID]; twice || it.ID == "" || it.Method == "" || it.URL == "" {
			return badRequest("Every request of a batch needs an id of its own, a method and a url.")
		}
		if len(it.DependsOn) > MaxRequests {
			return badRequest("The request '" + echo(it.ID) + "' depends on more than a batch can hold.")
		}
		at[it.ID] = i
	}
	settled := map[string]bool{}
	for range items { // as many rounds as the longest chain can have
		for i := range items {
			ready := true
			for _, id := range items[i].DependsOn {
				if _, known := at[id]; !known {
					return badRequest("The request '" + echo(items[i].ID) + "' depends on one that is not in the batch.")
				}
				ready = ready && settled[id]
			}
			settled[items[i].ID] = ready
		}
	}
	for i := range items {
		if !settled[items[i].ID] {
			return badRequest("The request '" + echo(items[i].ID) + "' depends on itself.")
		}
	}
	return nil
}

// fail refuses what depends on what failed.
func fail(items []item) {
	failed := map[string]bool{}
	for range items {
		for i := range items {
			it := &items[i]
			for _, id := range it.DependsOn {
				if failed[id] && !failed[it.ID] {
					it.refused = &Error{Status: http.StatusFailedDependency, Message: "A request that this one depends on failed."}
				}
			}
			failed[it.ID] = it.refused != nil
		}
	}
}

// plan finds what one request reads.
func (it *item) plan(caller Caller) (*reading, *Error) {
	u, err := url.Parse(it.URL)
	if err != nil {
		return nil, badRequest("Invalid url: want a path relative to " + Prefix + ".")
	}
	kind := ""
	for name, value := range it.Headers {
		if strings.EqualFold(name, "Content-Type") {
			kind = value
		}
	}
	if string(it.Body) == "null" { // the SDK for Go says so of what has none
		it.Body = nil
	}
	if len(it.Body) > 0 && kind == "" {
		return nil, badRequest("A request with a body needs its Content-Type header.")
	}
	if len(it.Body) > 0 && !isObject(it.Body) {
		return nil, badRequest("Unable to read JSON request payload: want an object.")
	}
	// The SDK for JavaScript makes the whole path of a request its url, that for Go the whole url, of Graph itself where
	// the base URL was set late. Nothing is fetched from there: what counts is the path below the version.
	path := u.Path
	for _, prefix := range [...]string{"/graph", "/v1.0"} {
		if rest, found := strings.CutPrefix(path, prefix); found && strings.HasPrefix(rest, "/") {
			path = rest
		}
	}
	where := segments(path)
	if len(where) == 1 && strings.EqualFold(where[0], "$batch") {
		return nil, badRequest("A batch may not hold another.")
	}
	read, refused := route(strings.ToUpper(it.Method), where, kind, it.Body)
	if refused == nil && read.own {
		refused = read.meet(caller)
	}
	return read, refused
}

// write writes the answer to one request.
func (it *item) write(p *page, root string, rows func(presence.ID) *Row) {
	status, media, retry, allow := http.StatusOK, entityType, 0, ""
	if it.refused != nil {
		status, media, retry, allow = it.refused.Status, "application/json", it.refused.RetryAfter, it.refused.Allow
	}
	p.text(`{"id":`)
	p.buf = presence.AppendString(p.buf, it.ID)
	p.text(`,"status":`)
	p.buf = strconv.AppendInt(p.buf, int64(status), 10)
	p.text(`,"headers":{"Content-Type":`)
	p.buf = presence.AppendString(p.buf, media)
	if retry > 0 {
		p.text(`,"Retry-After":"` + strconv.Itoa(retry) + `"`)
	}
	if allow != "" {
		p.text(`,"Allow":"` + allow + `"`)
	}
	p.text(`,"request-id":"` + it.named.request + `","client-request-id":"` + it.named.client + `"},"body":`)
	if it.refused != nil {
		p.buf = append(p.buf, it.refused.body(it.named)...)
	} else {
		it.read.write(p, root, rows)
	}
	p.text("}")
}
