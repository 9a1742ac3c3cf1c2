package graphapi

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Prefix is where the facade answers.
const Prefix = "/graph/v1.0"

// Source is what the facade reads from.
type Source interface {
	// Caller tells who sent r. An [*Error] is told to them as it is; any other ends the answer as a fault of ours. It may
	// set headers of the answer.
	Caller(w http.ResponseWriter, r *http.Request) (Caller, error)
	// Root is the origin by which r reached the server, such as https://presence.example.com.
	Root(r *http.Request) string
}

// Caller is somebody who was let in.
type Caller interface {
	// Me returns the person who is signed in; false for a program, or nobody.
	Me() (presence.ID, bool)
	// Read returns a row for each id, in their order. It may wait a while for those not read yet.
	Read(ctx context.Context, ids []presence.ID) []Row
}

// Handler answers below [Prefix]. It is safe for concurrent use.
type Handler struct{ source Source }

// New returns a handler that reads from source.
func New(source Source) *Handler { return &Handler{source} }

// Answer answers r. The error is a fault of ours, after which nothing has been written.
func (h *Handler) Answer(w http.ResponseWriter, r *http.Request) error {
	id := h.begin(w, r)
	err := h.answer(w, r, id)
	var refused *Error
	if errors.As(err, &refused) {
		refuse(w, refused, id)
		return nil
	}
	return err
}

// Refuse answers r with e, for whoever stands before the facade.
func (h *Handler) Refuse(w http.ResponseWriter, r *http.Request, e *Error) {
	refuse(w, e, h.begin(w, r))
}

// ids name a request, in answers and in Graph's headers.
type ids struct{ request, client string }

// begin names a request, as Graph does: by a name of ours, and by the client's own.
func (h *Handler) begin(w http.ResponseWriter, r *http.Request) ids {
	id := ids{request: newID(), client: r.Header.Get("client-request-id")}
	if !plain(id.client) {
		id.client = id.request
	}
	w.Header().Set("request-id", id.request)
	w.Header().Set("client-request-id", id.client)
	return id
}

func newID() string {
	var id presence.ID
	_, _ = rand.Read(id[:])
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id.String()
}

// plain reports whether a client's name for its request may be said back.
func plain(text string) bool {
	return text != "" && len(text) <= 128 && strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.{}") == ""
}

func refuse(w http.ResponseWriter, e *Error, id ids) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(e.RetryAfter))
	}
	if e.Allow != "" {
		h.Set("Allow", e.Allow)
	}
	w.WriteHeader(e.Status)
	_, _ = w.Write(e.body(id))
}

const entityType = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"

func (h *Handler) answer(w http.ResponseWriter, r *http.Request, id ids) error {
	caller, err := h.source.Caller(w, r)
	if err != nil {
		return err
	}
	path, found := strings.CutPrefix(r.URL.Path, Prefix+"/")
	if !found {
		return badRequest("Invalid version: this is " + Prefix + ".")
	}
	var body []byte
	if r.Method == http.MethodPost {
		var refused *Error
		if body, refused = readBody(w, r); refused != nil {
			return refused
		}
	}
	kind := r.Header.Get("Content-Type")
	if strings.EqualFold(path, "$batch") {
		if r.Method != http.MethodPost {
			return notAllowed(http.MethodPost)
		}
		return h.batch(w, r, caller, kind, body)
	}
	read, refused := route(r.Method, segments(path), kind, body)
	if refused == nil && read.own {
		refused = read.meet(caller)
	}
	if refused != nil {
		return refused
	}
	rows := fetch(r.Context(), caller, read)
	if refused := read.refusal(rows); refused != nil {
		return refused
	}
	w.Header().Set("Content-Type", entityType)
	w.Header().Set("OData-Version", "4.0")
	p := &page{w: w}
	read.write(p, h.source.Root(r)+Prefix, rows)
	p.end()
	return nil
}

// meet makes a read of one's own presence that of the caller.
func (r *reading) meet(caller Caller) *Error {
	me, person := caller.Me()
	if !person {
		return badRequest("/me request is only valid with delegated authentication flow.")
	}
	r.users, r.place = []presence.ID{me}, "users('"+me.String()+"')/presence"
	return nil
}

// fetch asks for everyone whom reads name, at once, and returns where their rows are.
func fetch(ctx context.Context, caller Caller, reads ...*reading) func(presence.ID) *Row {
	users := reads[0].users
	if len(reads) > 1 {
		users = nil
		for _, read := range reads {
			users = append(users, read.users...)
		}
	}
	at := make(map[presence.ID]int, len(users))
	wanted := users[:0:0]
	for _, id := range users {
		if _, twice := at[id]; !twice {
			at[id] = len(wanted)
			wanted = append(wanted, id)
		}
	}
	rows := caller.Read(ctx, wanted)
	return func(id presence.ID) *Row { return &rows[at[id]] }
}
