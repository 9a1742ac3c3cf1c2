package gateway

import (
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/web"
)

// pageSize is how many people one answer lists.
const pageSize = 500

type personJSON struct {
	ID          presence.ID   `json:"id"`
	DisplayName string        `json:"displayName,omitempty"`
	Department  string        `json:"department,omitempty"`
	JobTitle    string        `json:"jobTitle,omitempty"`
	Groups      []presence.ID `json:"groups"`
}

type groupJSON struct {
	ID          presence.ID `json:"id"`
	DisplayName string      `json:"displayName"`
}

type directoryJSON struct {
	People []personJSON `json:"people"`
	Groups []groupJSON  `json:"groups"`
	Next   string       `json:"next,omitempty"`
}

// listDirectory answers GET /v1/directory?groups=g&search=text&next=...: the people and groups whom the caller may
// see, in order of id, a page at a time.
func (s *Server) listDirectory(w http.ResponseWriter, r *http.Request) error {
	g, err := s.caller(w, r)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	after, err := cursor(query.Get("next"))
	if err != nil {
		return err
	}
	search := strings.ToLower(strings.TrimSpace(query.Get("search")))
	d := g.scope.Load().directory

	answer := directoryJSON{People: []personJSON{}, Groups: []groupJSON{}}
	of := map[presence.ID][]presence.ID{}
	within := map[presence.ID]bool{}
	wanted := split(query["groups"])
	for _, group := range d.Groups() {
		if !g.allows(group.ID) {
			continue
		}
		answer.Groups = append(answer.Groups, groupJSON{group.ID, group.DisplayName})
		chosen := slices.ContainsFunc(wanted, func(id string) bool { return strings.EqualFold(id, group.ID.String()) })
		for _, id := range group.Members {
			of[id] = append(of[id], group.ID)
			if chosen {
				within[id] = true
			}
		}
	}
	for _, id := range d.All() {
		if id.Compare(after) <= 0 || !g.sees(id) || (len(wanted) > 0 && !within[id]) {
			continue
		}
		person, _ := d.Person(id)
		if !mentions(person, search) {
			continue
		}
		if len(answer.People) == pageSize {
			answer.Next = base64.RawURLEncoding.EncodeToString(after[:])
			break
		}
		groups := of[id]
		if groups == nil {
			groups = []presence.ID{}
		}
		answer.People = append(answer.People, personJSON{id, person.DisplayName, person.Department, person.JobTitle, groups})
		after = id
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Add("Vary", "Accept-Encoding")
	if !web.AcceptsGzip(r.Header.Values("Accept-Encoding")) {
		return json.NewEncoder(w).Encode(answer)
	}
	// Names and ids of ten thousand people are 3 MB, and a fifth of that when compressed.
	h.Set("Content-Encoding", "gzip")
	z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // a level that exists is no error
	defer func() { _ = z.Close() }()               // what cannot be sent is the connection's end
	return json.NewEncoder(z).Encode(answer)
}

// cursor reads where a page continues.
func cursor(text string) (id presence.ID, err error) {
	if text == "" {
		return id, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) != len(id) {
		return id, &problem{Status: http.StatusBadRequest, Detail: "next: want what an earlier answer gave"}
	}
	copy(id[:], raw)
	return id, nil
}

// mentions reports whether a person's names contain text, which is in lower case.
func mentions(p presence.Person, text string) bool {
	return text == "" || strings.Contains(strings.ToLower(p.DisplayName+"\n"+p.Department+"\n"+p.JobTitle), text)
}
