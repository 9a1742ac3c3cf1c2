package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

func (v *validation) gateway(g *Gateway) {
	for i, origin := range g.Origins {
		item := fmt.Sprintf("gateway.origins[%d]", i)
		if _, inFile := v.lines[item]; !inFile || v.variables["gateway.origins"] != "" {
			item = "gateway.origins"
		}
		v.origin(item, origin)
	}
	l := g.Limits
	v.atLeast("gateway.limits.connections", l.Connections, 1)
	v.atLeast("gateway.limits.users_per_connection", l.UsersPerConnection, 1)
	v.atLeast("gateway.limits.connections_per_subject", l.ConnectionsPerSubject, 1)
	v.atLeast("gateway.limits.message_bytes", l.MessageBytes, 1024)
	v.atLeast("gateway.limits.messages_per_second", l.MessagesPerSecond, 1)
	v.atLeast("gateway.limits.unknown_users_per_subject", l.UnknownUsersPerSubject, 0)
	v.between("gateway.flush", g.Flush, 0, time.Minute)
	v.between("gateway.heartbeat", g.Heartbeat, 100*time.Millisecond, time.Hour)
	v.between("gateway.stall", g.Stall, 100*time.Millisecond, time.Hour)
	v.between("gateway.read_wait", g.ReadWait, 0, time.Minute)
	v.between("gateway.facade_max_age", g.FacadeMaxAge, time.Millisecond, day)
	v.between("gateway.drain", g.Drain, 0, time.Hour)
	v.between("gateway.drain_delay", g.DrainDelay, 0, time.Hour)
	if g.DrainDelay > g.Drain && g.Drain >= 0 {
		v.fail("gateway.drain_delay", "is %s, longer than the whole drain of %s that it is a part of: shorten it, or lengthen gateway.drain", g.DrainDelay, g.Drain)
	}
	if g.AuditFile != "" {
		if folder, err := os.Stat(filepath.Dir(g.AuditFile)); err != nil {
			v.fail("gateway.audit_file", "%s cannot be written: %s", quote(g.AuditFile), reason(err))
		} else if !folder.IsDir() {
			v.fail("gateway.audit_file", "%s cannot be written: its folder is none", quote(g.AuditFile))
		}
	}
}

func (v *validation) policy(c *Config) {
	kept := c.Privacy.Set()
	if len(c.Gateway.Policy) == 0 {
		if !v.given("gateway.policy") {
			v.fail("gateway.policy", `nobody sees anyone: add a rule such as {who: {anonymous: true}, allow: "*"}, or write [] if that is meant`)
		} else if !v.failed("gateway.policy") {
			v.notice("gateway.policy is empty: nobody sees anyone")
		}
	}
	for i, rule := range c.Gateway.Policy {
		key := fmt.Sprintf("gateway.policy[%d]", i)
		v.who(key+".who", rule.Who)
		v.speaks(key+".who", rule.Who, c.Gateway.Auth)
		v.allow(key, rule.Allow, c.Watch.Groups)
		if v.fields(key+".fields", rule.Fields) && !v.failed("privacy.fields") {
			if set, _ := presence.ParseFields(rule.Fields); !kept.Has(set) {
				v.fail(key+".fields", "shows %s, which privacy.fields does not keep: add it there, or remove it here", either((set &^ kept).Names()))
			}
		}
	}
}

func (v *validation) who(key string, w Who) {
	if v.failed(key) {
		return
	}
	var kinds []string
	for _, kind := range []struct {
		name string
		set  bool
	}{
		{"anonymous", w.Anonymous}, {"everyone", w.Everyone}, {"roles", len(w.Roles) > 0},
		{"groups", len(w.Groups) > 0}, {"keys", len(w.Keys) > 0}, {"subjects", len(w.Subjects) > 0},
	} {
		if kind.set {
			kinds = append(kinds, kind.name)
		} else if v.given(key+"."+kind.name) && !v.failed(key+"."+kind.name) {
			v.fail(key+"."+kind.name, "names nobody: remove it, or say who is meant")
			return
		}
	}
	switch {
	case len(kinds) == 0:
		v.fail(key, "says nothing: want exactly one of anonymous: true, everyone: true, roles, groups, keys or subjects")
	case len(kinds) > 1:
		v.fail(key, "says %s: want exactly one; write a rule for each, since rules add up", either(kinds))
	}
}

// speaks says of rules that match nobody what would have to be set. They do no harm.
func (v *validation) speaks(key string, w Who, a Auth) {
	switch {
	case v.failedBelow(key):
	case w.Anonymous && !a.Anonymous:
		v.notice("%s matches nobody: anonymous callers do not get in; set gateway.auth.anonymous: true", key)
	case len(w.Keys) > 0 && a.APIKeysFile == "":
		v.notice("%s matches nobody: there are no API keys; set gateway.auth.api_keys_file", key)
	case (len(w.Roles) > 0 || len(w.Groups) > 0) && a.JWT.Issuer == "":
		v.notice("%s matches nobody: roles and groups are those of access tokens; set gateway.auth.jwt", key)
	case (w.Everyone || len(w.Subjects) > 0) && !a.signsIn():
		v.notice("%s matches nobody: nobody can sign in; set gateway.auth.api_keys_file or gateway.auth.jwt", key)
	}
}

func (v *validation) allow(rule string, a Allow, watched []presence.ID) {
	key := rule + ".allow"
	if v.failed(key) {
		return
	}
	if !a.All && len(a.Users) == 0 && len(a.Groups) == 0 {
		for _, member := range []string{key + ".users", key + ".groups"} {
			if v.failedBelow(member) {
				return
			}
		}
		v.fail(key, `allows nobody: want "*", or users or groups that are listed`)
		return
	}
	for i, group := range a.Groups {
		if item := fmt.Sprintf("%s.groups[%d]", key, i); !v.failed(item) && !slices.Contains(watched, group) {
			v.fail(item, "%s is not in watch.groups, so its members are unknown: add it there", group)
		}
	}
}

func (v *validation) failedBelow(key string) bool {
	return slices.ContainsFunc(v.problems, func(p Problem) bool {
		return len(p.Key) >= len(key) && p.Key[:len(key)] == key
	})
}
