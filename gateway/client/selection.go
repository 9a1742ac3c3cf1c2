package client

import (
	"maps"
	"slices"
	"strings"
)

// Selection is whom to watch.
type Selection struct {
	Users    []string // Entra object ids; e-mail addresses where the gateway reads a directory
	Groups   []string // ids of groups that the gateway watches
	Everyone bool     // everyone whom the gateway watches and the caller may see, newcomers included
}

// wants is what the consumer watches, and what the present connection was told of it. Client.mu guards it.
type wants struct {
	users, groups     map[string]*want
	everyone          want
	joinUsers         []string // wanted and not told, in this order; may hold others too
	leaveUsers        []string
	joinGroups        []string
	leaveGroups       []string
	joinAll, leaveAll bool
	requests          map[int]*request // not answered yet
	lastID            int
}

type want struct{ wanted, told bool }

// request is a subscribe or unsubscribe under way.
type request struct {
	leave    bool
	users    []string
	group    string
	everyone bool
	known    map[string]string // versions it tells
	answered bool              // its first part was
}

func (r *request) selection() Selection {
	s := Selection{Users: r.users, Everyone: r.everyone}
	if r.group != "" {
		s.Groups = []string{r.group}
	}
	return s
}

func newWants() wants {
	return wants{users: map[string]*want{}, groups: map[string]*want{}, requests: map[int]*request{}}
}

// normal writes an id as the gateway does. E-mail addresses are answered as they were written.
func normal(id string) string {
	id = strings.TrimSpace(id)
	if strings.Contains(id, "@") {
		return id
	}
	return strings.ToLower(id)
}

func (w *wants) add(s Selection) {
	for _, id := range s.Users {
		join(w.users, normal(id), &w.joinUsers)
	}
	for _, id := range s.Groups {
		join(w.groups, normal(id), &w.joinGroups)
	}
	if s.Everyone && !w.everyone.wanted {
		w.everyone.wanted, w.joinAll = true, true
	}
}

func join(all map[string]*want, id string, queue *[]string) {
	if id == "" {
		return
	}
	if all[id] == nil {
		all[id] = &want{}
	}
	if !all[id].wanted {
		all[id].wanted = true
		*queue = append(*queue, id)
	}
}

func (w *wants) remove(s Selection) {
	for _, id := range s.Users {
		leave(w.users, normal(id), &w.leaveUsers)
	}
	for _, id := range s.Groups {
		leave(w.groups, normal(id), &w.leaveGroups)
	}
	if s.Everyone && w.everyone.wanted {
		w.everyone.wanted, w.leaveAll = false, true
	}
}

func leave(all map[string]*want, id string, queue *[]string) {
	if want := all[id]; want != nil && want.wanted {
		want.wanted = false
		*queue = append(*queue, id)
	}
}

// open begins with a connection that knows nothing yet.
func (w *wants) open() {
	w.requests = map[int]*request{}
	w.joinUsers, w.leaveUsers, w.joinGroups, w.leaveGroups = nil, nil, nil, nil
	begin := func(all map[string]*want, queue *[]string) {
		for _, id := range slices.Sorted(maps.Keys(all)) {
			if all[id].told = false; all[id].wanted {
				*queue = append(*queue, id)
			} else {
				delete(all, id)
			}
		}
	}
	begin(w.users, &w.joinUsers)
	begin(w.groups, &w.joinGroups)
	w.everyone.told = false
	w.joinAll, w.leaveAll = w.everyone.wanted, false
}

// settled reports whether everything was told and answered.
func (w *wants) settled() bool {
	return len(w.requests)+len(w.joinUsers)+len(w.leaveUsers)+len(w.joinGroups)+len(w.leaveGroups) == 0 && !w.joinAll && !w.leaveAll
}

// next returns the next request for the gateway, within its limits; nil when it knows everything. What was left is
// told before what was joined.
func (w *wants) next(l limits, t *table) *request {
	users := min(l.UsersPerMessage, 1000) // small ones let the first answers come early
	half := l.MessageBytes * 3 / 8        // for ids, and as much for versions
	if ids := take(&w.leaveUsers, w.users, false, users, half); len(ids) > 0 {
		return &request{leave: true, users: ids}
	}
	if ids := take(&w.leaveGroups, w.groups, false, 1, half); len(ids) > 0 {
		return &request{leave: true, group: ids[0]}
	}
	if w.leaveAll {
		w.leaveAll = false
		if w.everyone.told && !w.everyone.wanted {
			w.everyone.told = false
			return &request{leave: true, everyone: true}
		}
	}
	if ids := take(&w.joinUsers, w.users, true, users, half); len(ids) > 0 {
		return &request{users: ids, known: t.known(slices.Values(ids), half)}
	}
	if ids := take(&w.joinGroups, w.groups, true, 1, half); len(ids) > 0 {
		return &request{group: ids[0], known: t.known(maps.Keys(t.group(ids[0]).members), half)}
	}
	if w.joinAll {
		w.joinAll = false
		if w.everyone.wanted && !w.everyone.told {
			w.everyone.told = true
			// Without `known`: who is missing in the answer is no longer watched, which `known` would hide.
			return &request{everyone: true}
		}
	}
	return nil
}

// take takes ids off a queue whose gateway must be told that they are wanted, or no longer are: as many as allowed, and
// as fit into bytes.
func take(queue *[]string, all map[string]*want, wanted bool, most, bytes int) (ids []string) {
	for len(*queue) > 0 && len(ids) < most {
		id := (*queue)[0]
		if bytes -= 3 + 6*len(id); bytes < 0 && len(ids) > 0 { // however its characters are escaped
			break
		}
		*queue = (*queue)[1:]
		want := all[id]
		switch {
		case want == nil:
		case want.wanted == wanted && want.told != wanted:
			want.told = wanted
			ids = append(ids, id)
			if !wanted {
				delete(all, id)
			}
		case !want.wanted && !want.told:
			delete(all, id)
		}
	}
	if len(*queue) == 0 {
		*queue = nil
	}
	return ids
}

// again takes back a request that the gateway put off.
func (w *wants) again(r *request) {
	for _, id := range r.users {
		w.retake(w.users, id, r.leave, &w.joinUsers, &w.leaveUsers)
	}
	if r.group != "" {
		w.retake(w.groups, r.group, r.leave, &w.joinGroups, &w.leaveGroups)
	}
	if r.everyone {
		w.everyone.told = r.leave
		w.joinAll, w.leaveAll = w.everyone.wanted, !w.everyone.wanted
	}
}

func (w *wants) retake(all map[string]*want, id string, leave bool, joins, leaves *[]string) {
	if all[id] == nil {
		all[id] = &want{}
	}
	all[id].told = leave
	if all[id].wanted {
		*joins = append(*joins, id)
	} else {
		*leaves = append(*leaves, id)
	}
}

// forget takes that the gateway refused a request for good: what it asked for is not watched.
func (w *wants) forget(r *request) {
	if r.leave {
		return
	}
	for _, id := range r.users {
		delete(w.users, id)
	}
	delete(w.groups, r.group)
	if r.everyone {
		w.everyone = want{}
	}
}
