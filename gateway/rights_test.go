package gateway_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/auth"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// lets is a policy that shows user 0 to one kind of caller.
func lets(who gateway.Who) []gateway.Rule {
	return []gateway.Rule{{Who: who, Allow: gateway.Allow{Users: []presence.ID{user(0)}}, Fields: presence.OutOfOffice}}
}

// Each kind of rule speaks of whom it says, and of nobody else.
func TestWhoIsMeant(t *testing.T) {
	team, object := user(1000), user(2000)
	callers := map[string]auth.Principal{
		"person":  {Subject: "user:tenant:" + object.String(), User: object},
		"role":    {Subject: "user:tenant:1", Roles: []string{"Presence.Read"}},
		"group":   {Subject: "user:tenant:2", Groups: []presence.ID{team}},
		"member":  {Subject: "user:tenant:3", User: user(5)},
		"hidden":  {Subject: "user:tenant:4", User: user(6)},
		"key":     {Subject: "key:wall", Key: "wall"},
		"foreign": {Subject: "sub:https://issuer.example:anna"},
		"sly":     {Subject: "sub:https://issuer.example:user:tenant:" + object.String()},
	}
	d := newDoor(callers)
	d.anonymous = true
	w := newWorld(t, 0, gateway.Options{Door: d})
	w.describe(7, presence.Group{ID: team, DisplayName: "Team", Members: []presence.ID{{}, user(5)}, Hidden: []presence.ID{user(6)}})
	for _, row := range []struct {
		who   gateway.Who
		meant []string
	}{
		{gateway.Who{}, nil},
		{gateway.Who{Anonymous: true}, []string{""}},
		{gateway.Who{Everyone: true}, []string{"foreign", "group", "hidden", "key", "member", "person", "role", "sly"}},
		{gateway.Who{Roles: []string{"Other", "Presence.Read"}}, []string{"role"}},
		{gateway.Who{Roles: []string{"presence.read"}}, nil},
		{gateway.Who{Groups: []presence.ID{team}}, []string{"group", "hidden", "member"}},
		{gateway.Who{Groups: []presence.ID{object}}, nil},
		{gateway.Who{Keys: []string{"wall"}}, []string{"key"}},
		{gateway.Who{Keys: []string{""}}, nil},
		{gateway.Who{Subjects: []string{object.String()}}, []string{"person"}},
		{gateway.Who{Subjects: []string{"user:tenant:" + object.String()}}, []string{"person"}},
		{gateway.Who{Subjects: []string{"sub:https://issuer.example:anna"}}, []string{"foreign"}},
		{gateway.Who{Subjects: []string{"anna"}}, nil},
		{gateway.Who{Subjects: []string{""}}, nil},
		{gateway.Who{Subjects: []string{"key:wall"}}, []string{"key"}},
	} {
		w.server.Govern(lets(row.who), "")
		var meant []string
		for name := range callers {
			if len(w.dial(as(name)).subscribe(0).Denied) == 0 {
				meant = append(meant, name)
			}
		}
		if len(w.dial().subscribe(0).Denied) == 0 {
			meant = append(meant, "")
		}
		if slices.Sort(meant); !slices.Equal(meant, row.meant) {
			t.Errorf("%+v means %q, want %q", row.who, meant, row.meant)
		}
	}
}

// When the policy is narrowed, nothing more of whom it no longer shows arrives, by whatever way they were watched; and
// the rest does. When it is widened, who asks gets them.
func TestPolicyNarrowed(t *testing.T) {
	team := user(1000)
	allow := func(a gateway.Allow) []gateway.Rule {
		return []gateway.Rule{{Who: gateway.Who{Everyone: true}, Allow: a, Fields: presence.OutOfOffice}}
	}
	for name, ask := range map[string]string{
		"by name": `"users":` + ids(0, 1, 2), "by group": `"groups":["` + team.String() + `"]`, "by star": `"users":"*"`,
		"by all of it": `"users":"*","groups":["` + team.String() + `"]`,
	} {
		for _, split := range []bool{false, true} { // one caller alone changes, or all who had the grant
			t.Run(fmt.Sprintf("%s %v", name, split), func(t *testing.T) {
				w := newWorld(t, 0, gateway.Options{Door: good(), Policy: allow(gateway.Allow{All: true})})
				w.describe(3, presence.Group{ID: team, DisplayName: "Team", Members: []presence.ID{user(0), user(1), user(2)}})
				w.setAll("Busy", 0, 1, 2)
				c := w.dial(as("good"))
				eventually(t, "subscribed", func() bool {
					c.send(`{"type":"subscribe","id":1,` + ask + `}`)
					return len(c.snapshot().Presences) == 3
				})
				narrow := allow(gateway.Allow{Users: []presence.ID{user(1), user(2)}, Groups: []presence.ID{user(77)}})
				if split {
					w.server.Hold("good") // as if a request of an equal were under way
				}
				w.server.Govern(narrow, "")
				var gone, left []presence.ID
				for !slices.Contains(gone, user(0)) {
					m := c.next()
					if len(m.Left[team]) > 0 {
						left = append(left, m.Left[team]...)
						continue
					}
					if m.Type != wire.Gone || m.Reason != wire.Unwatched {
						t.Fatalf("got %+v", m)
					}
					gone = append(gone, m.Users...)
				}
				w.setAll("Away", 0, 1, 2)
				kept := 2
				if name == "by group" { // it is nobody's any longer
					kept = 0
				}
				if len(gone) != 3-kept {
					t.Errorf("gone %v", gone)
				}
				if kept > 0 {
					if m := c.want(wire.Delta); len(m.Presences) != kept {
						t.Errorf("got %+v", m)
					}
				}
				if byGroup := strings.Contains(ask, "groups"); byGroup != (len(left) == 3) {
					t.Errorf("left the group, which is nobody's any longer: %v", left)
				}
				if s := c.subscribe(0); len(s.Denied) != 1 {
					t.Errorf("asked again: %+v", s)
				}
				w.server.Govern(allow(gateway.Allow{All: true}), "")
				c.send(`{"type":"subscribe","id":1,"users":` + ids(0) + `}`)
				for { // a "*" may have brought them already
					m := c.next()
					if len(m.Presences) > 0 && slices.ContainsFunc(m.Presences, func(p wire.Presence) bool { return p.ID == user(0) }) {
						break
					}
				}
			})
		}
	}
}

// Who changes nothing for a connection leaves it alone.
func TestPolicyOfOthers(t *testing.T) {
	w := newWorld(t, 2, gateway.Options{Door: good(), Policy: signedIn})
	w.setAll("Busy", 0, 1)
	c := w.dial(as("good"))
	c.subscribe(0, 1)
	w.server.Govern(append(slices.Clone(signedIn), lets(gateway.Who{Roles: []string{"x"}})...), "")
	w.server.Govern([]gateway.Rule{{Who: gateway.Who{Keys: []string{"good"}}, Allow: gateway.Allow{All: true}, Fields: presence.OutOfOffice}}, "")
	w.set(0, "Away")
	if m := c.want(wire.Delta); len(m.Presences) != 1 {
		t.Errorf("got %+v", m)
	}
}

// When fields change that a connection sees it is closed with 1012, and comes back with the new view. One that watches
// nobody concerned stays.
func TestFieldsChanged(t *testing.T) {
	team := user(1000)
	rules := func(fields presence.Fields) []gateway.Rule {
		return []gateway.Rule{
			{Who: gateway.Who{Everyone: true}, Allow: gateway.Allow{All: true}},
			{Who: gateway.Who{Everyone: true}, Allow: gateway.Allow{Users: []presence.ID{user(0)}, Groups: []presence.ID{team}}, Fields: fields},
		}
	}
	for _, split := range []bool{false, true} {
		for _, ask := range []string{`"users":` + ids(0), `"users":"*"`} {
			w := newWorld(t, 0, gateway.Options{Door: good(), Policy: rules(presence.OutOfOffice)})
			w.describe(3, presence.Group{ID: team, DisplayName: "Team"})
			w.setAll("Busy", 0, 1, 2)
			c, other := w.dial(as("good")), w.dial(as("good"))
			c.send(`{"type":"subscribe","id":1,` + ask + `}`)
			if s := c.snapshot(); !shows(s, user(0), "isOutOfOffice") {
				t.Fatalf("before: %s", s.Presences[0].Raw)
			}
			other.subscribe(1)
			if split {
				w.server.Hold("good")
			}
			w.server.Govern(rules(0), "")
			if g := c.want(wire.Goodbye); g.Reason != wire.RightsChanged {
				t.Errorf("goodbye %+v", g)
			}
			if code := c.ends(); code != 1012 {
				t.Errorf("closed with %d, want 1012", code)
			}
			again := w.dial(as("good"))
			version := again.subscribe(0).Presences[0].Version
			if version == "" {
				t.Error("no version")
			}
			_ = again.ws.CloseNow()
			again = w.dial(as("good")) // with what it held under the old view, and the same version
			again.send(`{"type":"subscribe","id":1,"users":` + ids(0) + `,"known":{"` + user(0).String() + `":"` + version + `"}}`)
			if s := again.snapshot(); len(s.Presences) != 1 || shows(s, user(0), "isOutOfOffice") {
				t.Errorf("after: %+v", s)
			}
			other.send(`{"type":"ping"}`)
			other.want(wire.Pong)

			// The same by membership: user 1 joins a group of which more is seen.
			w.server.Govern(rules(presence.OutOfOffice), "")
			if code := again.ends(); code != 1012 {
				t.Errorf("widened: closed with %d, want 1012", code)
			}
			w.describe(3, presence.Group{ID: team, DisplayName: "Team", Members: []presence.ID{user(1)}})
			if code := other.ends(); code != 1012 {
				t.Errorf("joined: closed with %d, want 1012", code)
			}
		}
	}
}

// shows reports whether a snapshot has text in a user's presence.
func shows(s wire.Message, id presence.ID, text string) bool {
	return slices.ContainsFunc(s.Presences, func(p wire.Presence) bool {
		return p.ID == id && strings.Contains(string(p.Raw), text)
	})
}

// A caller's own membership in a watched group gives and takes rights.
func TestMembershipOfTheCaller(t *testing.T) {
	team := user(1000)
	anna := auth.Principal{Subject: "user:t:" + user(5).String(), User: user(5)}
	w := newWorld(t, 0, gateway.Options{Door: newDoor(map[string]auth.Principal{"anna": anna}), Policy: append(lets(gateway.Who{Groups: []presence.ID{team}}),
		gateway.Rule{Who: gateway.Who{Everyone: true}, Allow: gateway.Allow{Users: []presence.ID{user(1)}}, Fields: presence.OutOfOffice})})
	w.describe(6, presence.Group{ID: team, DisplayName: "Team"})
	w.setAll("Busy", 0, 1)
	c := w.dial(as("anna"))
	if s := c.subscribe(0, 1); len(s.Denied) != 1 || len(s.Presences) != 1 {
		t.Fatalf("before: %+v", s)
	}
	w.describe(6, presence.Group{ID: team, DisplayName: "Team", Members: []presence.ID{user(5)}})
	eventually(t, "a member sees more", func() bool { return len(c.subscribe(0).Presences) == 1 })
	w.describe(6, presence.Group{ID: team, DisplayName: "Team"})
	if g := c.want(wire.Gone); len(g.Users) != 1 || g.Users[0] != user(0) || g.Reason != wire.Unwatched {
		t.Errorf("no member any longer: %+v", g)
	}
	w.setAll("Away", 0, 1)
	if m := c.want(wire.Delta); len(m.Presences) != 1 || m.Presences[0].ID != user(1) {
		t.Errorf("got %+v", m)
	}
}

// When no rule is left for a caller, they are told to drop everyone, and the connection ends.
func TestNoRuleLeft(t *testing.T) {
	for _, ask := range []string{`"users":` + ids(0, 1), `"users":"*"`} {
		for _, split := range []bool{false, true} {
			w := newWorld(t, 2, gateway.Options{Door: good(), Policy: signedIn})
			w.setAll("Busy", 0, 1)
			c := w.dial(as("good"))
			c.send(`{"type":"subscribe","id":1,` + ask + `}`)
			c.snapshot()
			if split {
				w.server.Hold("good")
			}
			w.server.Govern(nil, "")
			if g := c.want(wire.Gone); len(g.Users) != 2 {
				t.Errorf("gone %+v", g)
			}
			c.want(wire.Goodbye)
			if code := c.ends(); code != 1012 {
				t.Errorf("closed with %d, want 1012", code)
			}
			if s := w.dial(as("good")).subscribe(0); len(s.Denied) != 1 {
				t.Errorf("afterwards: %+v", s)
			}
		}
	}
}

// Random policies, memberships and wishes: nobody ever receives somebody, or a field, that the policy of that moment
// does not let them see, and everybody receives whom they ask for and may.
func TestPolicyIsKept(t *testing.T) {
	const users, callers, rounds = 12, 4, 60
	team := user(1000)
	known := map[string]auth.Principal{}
	for i := range callers {
		name := fmt.Sprint("k", i)
		known[name] = auth.Principal{Subject: "key:" + name, Key: name}
	}
	random := rand.New(rand.NewPCG(1, 2))
	some := func() (list []int) {
		for i := range users {
			if random.IntN(3) == 0 {
				list = append(list, i)
			}
		}
		return list
	}
	named := func(list []int) (all []presence.ID) {
		for _, i := range list {
			all = append(all, user(i))
		}
		return all
	}
	w := newWorld(t, 0, gateway.Options{Door: newDoor(known), Policy: signedIn})
	for round := range rounds {
		members := named(some())
		w.describe(users, presence.Group{ID: team, DisplayName: "Team", Members: slices.Clone(members)})
		var rules []gateway.Rule
		views := make([]map[presence.ID]presence.Fields, callers)
		for i := range callers {
			views[i] = map[presence.ID]presence.Fields{}
			for range random.IntN(3) {
				rule := gateway.Rule{Who: gateway.Who{Keys: []string{fmt.Sprint("k", i)}}, Fields: presence.Fields(random.IntN(2))}
				shown := members
				switch random.IntN(3) {
				case 0:
					rule.Allow.All, shown = true, named(upTo(users))
				case 1:
					rule.Allow.Groups = []presence.ID{team}
				default:
					shown = named(some())
					rule.Allow.Users = shown
				}
				for _, id := range shown {
					views[i][id] |= rule.Fields
				}
				rules = append(rules, rule)
			}
		}
		w.server.Govern(rules, "")
		w.setAll([]string{"Busy", "Away"}[round%2], upTo(users)...)
		eventually(t, "the directory is followed", func() bool { return w.server.Directory() == w.hub.Directory() })
		for i := range callers {
			c := w.dial(as(fmt.Sprint("k", i)))
			ask := some()
			s := c.subscribe(ask...)
			for _, j := range ask {
				view, seen := views[i][user(j)]
				at := slices.IndexFunc(s.Presences, func(p wire.Presence) bool { return p.ID == user(j) })
				if (at >= 0) != seen || slices.Contains(s.Denied, user(j)) == seen {
					t.Fatalf("round %d: caller %d asked for %d: seen %v: %+v", round, i, j, seen, s)
				}
				if at >= 0 && strings.Contains(string(s.Presences[at].Raw), "isOutOfOffice") != view.Has(presence.OutOfOffice) {
					t.Fatalf("round %d: caller %d sees of %d: %s", round, i, j, s.Presences[at].Raw)
				}
			}
			if len(s.Presences)+len(s.Denied) != len(ask) {
				t.Fatalf("round %d: asked for %d: %+v", round, len(ask), s)
			}
			_ = c.ws.CloseNow()
		}
	}
}
