package gateway

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

// listQuery reads whom a URL names, by ?users= and ?groups=, as a query would name them.
func listQuery(r *http.Request, decode func([]byte) (wire.Request, error)) (wire.Request, error) {
	query := r.URL.Query()
	if !query.Has("users") && !query.Has("groups") {
		return wire.Request{}, &problem{Status: http.StatusBadRequest, Detail: "users: missing; want ?users= with ids, separated by commas"}
	}
	// As the body of a query would say it: one set of rules for both.
	body := []byte(`{"users":"*"`)
	if users := split(query["users"]); len(users) != 1 || users[0] != "*" {
		body = wire.AppendStrings([]byte(`{"x":0`), "users", users)
	}
	body = wire.AppendStrings(body, "groups", split(query["groups"]))
	return decode(append(body, '}'))
}

func split(values []string) (list []string) {
	for _, value := range values {
		for element := range strings.SplitSeq(value, ",") {
			if element != "" {
				list = append(list, element)
			}
		}
	}
	return list
}

// readQuery reads the body of a query.
func (s *Server) readQuery(w http.ResponseWriter, r *http.Request, decode func([]byte) (wire.Request, error)) (q wire.Request, err error) {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return q, &problem{Status: http.StatusUnsupportedMediaType, Detail: "Content-Encoding: want none"}
	}
	if kind := r.Header.Get("Content-Type"); !mayBeJSON(kind) {
		return q, &problem{Status: http.StatusUnsupportedMediaType, Detail: "Content-Type: want application/json"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(s.limits.MessageBytes)))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return q, &problem{Status: http.StatusRequestEntityTooLarge, Detail: "the body has more than " +
			strconv.Itoa(s.limits.MessageBytes) + " bytes"}
	case late(err):
		return q, &problem{Status: http.StatusRequestTimeout, Detail: "the body did not arrive in time"}
	case err != nil:
		return q, &problem{Status: http.StatusBadRequest, Detail: "the body did not arrive"}
	}
	return decode(body)
}

// mayBeJSON reports whether a body of this kind is read: JSON, and what common programs say of one where nobody told
// them (nothing, plain text, a form). Whatever says it is something else is taken at its word.
func mayBeJSON(kind string) bool {
	if kind == "" {
		return true
	}
	media, parameters, err := mime.ParseMediaType(kind)
	if err != nil {
		return false
	}
	if charset := parameters["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return false
	}
	switch media {
	case "application/json", "text/plain", "application/x-www-form-urlencoded":
		return true
	}
	return strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")
}
