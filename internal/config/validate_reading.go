package config

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

const day = 24 * time.Hour

func (v *validation) graph(g *Graph) {
	if g.Cloud == "china" {
		v.fail("graph.cloud", "china cannot work: Microsoft Graph operated by 21Vianet offers no presence")
	} else {
		v.oneOf("graph.cloud", g.Cloud, "global", "us-gov-l4", "us-gov-l5")
	}
	if g.BaseURL != "" {
		if u, ok := v.url("graph.base_url", g.BaseURL, "http", "https"); ok {
			path := strings.Trim(u.Path, "/")
			switch {
			case u.Scheme == "http" && !isLoopback(u.Hostname()):
				v.fail("graph.base_url", "a token must not travel over http: use https, or http to this machine only (127.0.0.1, [::1], localhost)")
			case path == "v1.0" || path == "beta":
				v.fail("graph.base_url", "ends in /%s, which the gateway adds itself: remove it", path)
			}
		}
	}
	v.credential(&g.Credential)
	v.oneOf("graph.read", g.Read, "batch", "users", "communications", "me")
	v.budget(g.Budget)
	v.between("graph.interval", g.Interval, 10*time.Millisecond, day)
	v.between("graph.timeout", g.Timeout, 10*time.Millisecond, 10*time.Minute)
	v.between("graph.sequence_reset_after", g.SequenceResetAfter, time.Millisecond, day)
}

func (v *validation) budget(b Budget) {
	const least, most = 2, 1_000_000
	switch {
	case b.Requests < least:
		v.fail("graph.budget.requests", "is %d, which is too small: some of it is the reserve, so want %d or more", b.Requests, least)
	case b.Requests > most:
		v.fail("graph.budget.requests", "is %d: want %d at most", b.Requests, most)
	}
	if b.Window == 0 {
		v.fail("graph.budget.window", "is 0, and no number of reads fits into no time: want for example 30s")
		return
	}
	v.between("graph.budget.window", b.Window, 10*time.Millisecond, day)
}

// watch answers how many users are named one by one.
func (v *validation) watch(w *Watch) int {
	v.ids("watch.users", w.Users)
	v.ids("watch.groups", w.Groups)
	total := len(w.Users)
	if w.UsersFile != "" {
		total += v.idFile("watch.users_file", w.UsersFile)
	}
	v.between("watch.groups_refresh_interval", w.GroupsRefreshInterval, 100*time.Millisecond, 30*day)
	v.between("watch.linger", w.Linger, 0, 30*day)
	v.atLeast("watch.max_users", w.MaxUsers, 1)
	if total > w.MaxUsers && w.MaxUsers > 0 {
		v.fail("watch.max_users", "is %d, but watch.users and watch.users_file name %d: raise it, or watch fewer", w.MaxUsers, total)
	}
	if len(w.Users) == 0 && len(w.Groups) == 0 && w.UsersFile == "" && !w.OnDemand {
		v.notice("nobody is watched: set watch.users, watch.users_file or watch.groups, or watch.on_demand: true")
	}
	return total
}

// ids refuses the zero GUID, which a template leaves behind and Graph knows nobody by.
func (v *validation) ids(key string, ids []presence.ID) {
	for i, id := range ids {
		item := fmt.Sprintf("%s[%d]", key, i)
		if id.IsZero() && !v.failed(item) && !v.failed(key) {
			if _, ok := v.lines[item]; !ok {
				item = key
			}
			v.fail(item, "%s names nobody", id)
		}
	}
}

func (v *validation) failed(key string) bool {
	for _, p := range v.problems {
		if p.Key == key {
			return true
		}
	}
	return false
}

// idFile checks a list of ids and answers how many it holds. Each bad line is a problem of its own file.
func (v *validation) idFile(key, path string) int {
	ids, bad, err := readIDs(path)
	if err != nil {
		v.fail(key, "%s cannot be read: %s", quote(path), reason(err))
	}
	v.problems = append(v.problems, bad...)
	return len(ids)
}

func (v *validation) readable(key, path string) {
	file, err := os.Open(path)
	if err == nil {
		var stat os.FileInfo
		stat, err = file.Stat()
		file.Close()
		if err == nil && stat.IsDir() {
			v.fail(key, "%s is a folder: want a file", quote(path))
			return
		}
	}
	if err != nil {
		v.fail(key, "%s cannot be read: %s", quote(path), reason(err))
	}
}

func (v *validation) privacy(p *Privacy) {
	v.fields("privacy.fields", p.Fields)
	if p.OptedOutUsersFile != "" {
		v.idFile("privacy.opted_out_users_file", p.OptedOutUsersFile)
	}
}

// fields reports every unknown name, and answers whether all are known.
func (v *validation) fields(key string, names []string) bool {
	ok := true
	known := presence.Fields(0xff).Names()
	for i, name := range names {
		if _, err := presence.ParseFields([]string{name}); err != nil {
			item := fmt.Sprintf("%s[%d]", key, i)
			if _, inFile := v.lines[item]; !inFile || v.variables[key] != "" {
				item = key
			}
			ok = v.oneOf(item, name, known...) && ok
		}
	}
	return ok
}
