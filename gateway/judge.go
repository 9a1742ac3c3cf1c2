package gateway

import (
	"strings"

	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// wanted is what a request names, judged by the rights of its caller.
type wanted struct {
	users    []presence.ID
	groups   []presence.ID
	denied   []presence.ID // users and groups, existing or not
	invalid  []string
	resolved []wire.Resolution
}

// judge tells whom of a request its caller may see; looked says what Server.lookUp found of its addresses. An e-mail
// address of somebody they may not see is as good as none. Server.rights is held.
func (s *Server) judge(q *wire.Request, g *grant, looked map[string]presence.ID) wanted {
	want := wanted{users: make([]presence.ID, 0, len(q.Users)), invalid: q.Invalid}
	for _, id := range q.Users {
		if g.sees(id) {
			want.users = append(want.users, id)
		} else {
			want.denied = append(want.denied, id)
		}
	}
	for _, mail := range q.Mails {
		if id, found := s.whose(mail, looked); found && g.sees(id) {
			want.users = append(want.users, id)
			want.resolved = append(want.resolved, wire.Resolution{Mail: mail, ID: id})
		} else {
			want.invalid = append(want.invalid, mail)
		}
	}
	for _, id := range q.Groups {
		if g.allows(id) {
			want.groups = append(want.groups, id)
		} else {
			want.denied = append(want.denied, id)
		}
	}
	return want
}

// whose returns whom an e-mail address belongs to, by the directory or by what was looked up. Server.rights is held.
func (s *Server) whose(mail string, looked map[string]presence.ID) (presence.ID, bool) {
	id, found := s.mails.find(s.directory, mail)
	if !found {
		id = looked[mail]
		found = !id.IsZero()
	}
	return id, found
}

// mails finds people by e-mail address. Server.rights guards it.
type mails struct {
	of     *presence.Directory
	people map[string]presence.ID
}

func (m *mails) find(d *presence.Directory, mail string) (presence.ID, bool) {
	if m.of != d {
		m.of, m.people = d, map[string]presence.ID{}
		for _, id := range d.All() {
			if p, found := d.Person(id); found && p.Mail != "" {
				m.people[strings.ToLower(p.Mail)] = id
			}
		}
	}
	id, found := m.people[strings.ToLower(mail)]
	return id, found
}
