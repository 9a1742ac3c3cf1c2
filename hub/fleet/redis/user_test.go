package redis_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/presence-gateway/presence-gateway/hub/fleet"
	"github.com/presence-gateway/presence-gateway/hub/fleet/redis"
	"github.com/presence-gateway/presence-gateway/internal/redistest"
)

// documented returns the users that docs/redis.md names.
func documented(t testing.TB, kind string) []string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, found := strings.Cut(string(text), "```"+kind+"\n")
	block, _, ended := strings.Cut(block, "```")
	if !found || !ended {
		t.Fatalf("docs/redis.md has no block %q", kind)
	}
	return strings.Split(strings.TrimSpace(block), "\n")
}

func as(o redis.Options, user string) redis.Options {
	o.Username = "presence-" + user
	o.Password = func() (string, error) { return "CHANGE-" + strings.ToUpper(user), nil }
	return o
}

// The users that are documented may do what their role does, in every topology, and nothing beyond.
func TestDocumentedUsers(t *testing.T) {
	users, ofSentinels := documented(t, "acl"), documented(t, "acl sentinel")
	for name, start := range map[string]func(t *testing.T) (redis.Options, []*redistest.Server){
		"standalone": func(t *testing.T) (redis.Options, []*redistest.Server) {
			s := redistest.Standalone(t, redistest.Options{Users: users})
			return redis.Options{Addrs: []string{s.Addr}}, []*redistest.Server{s}
		},
		"sentinel with TLS": func(t *testing.T) (redis.Options, []*redistest.Server) {
			g := redistest.Sentinel(t, redistest.Options{Users: users, SentinelUsers: ofSentinels, TLS: true})
			return redis.Options{Addrs: g.Addrs, MasterName: redistest.MasterName, TLS: true, CAFile: g.Servers[0].CAFile()}, append(g.Servers, g.Sentinels...)
		},
		"cluster": func(t *testing.T) (redis.Options, []*redistest.Server) {
			g := redistest.Cluster(t, redistest.Options{Users: users})
			return redis.Options{Addrs: g.Addrs}, g.Servers
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, servers := start(t)
			poller, gateway := open(t, as(o, "poller")), open(t, as(o, "gateway"))
			hears := listen(t, gateway)
			hears.awaitAll(t)
			p := newPen(t, poller, 5)
			p.write(nil, stateOf(someone(5, 0), "A", "Busy"))
			fence, err := poller.Acquire(t.Context(), "one", 0, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			_, generation := poller.Generation(t.Context(), fence, 0)
			_, _, none := poller.LoadBudget(t.Context(), fence)
			for what, err := range map[string]error{
				"renew": poller.Renew(t.Context(), fence, time.Minute), "generation": generation,
				"save": poller.SaveBudget(t.Context(), fence, []byte("x")), "directory": poller.PostDirectory(t.Context(), fence, fleet.Post{Now: fleet.Manifest{1}, Whole: true}),
				"figures":              poller.PostFigures(t.Context(), fence, []byte("x"), time.Minute),
				"wants by the poller":  poller.PostWants(t.Context(), "one", fleet.Post{Now: fleet.Manifest{1}}, time.Minute),
				"wants by the gateway": gateway.PostWants(t.Context(), "two", fleet.Post{Now: fleet.Manifest{1}}, time.Minute),
				"withdraw":             gateway.Withdraw(t.Context(), "two"), "grants": poller.Grants(t.Context()), "ping": gateway.Ping(t.Context()),
			} {
				if err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
			if !errors.Is(none, fleet.ErrNone) {
				t.Errorf("the record: %v", none)
			}
			hears.await(t, "the message", func() bool { return len(hears.heard[5]) == 1 })
			q := newPen(t, gateway, 5)
			wantStates(t, "loaded by the gateway", q.load().States, stateOf(someone(5, 0), "A", "Busy"))
			if got, err := gateway.Directory(t.Context()); err != nil || got != (fleet.Manifest{1}) {
				t.Errorf("directory: %v, %v", got, err)
			}
			if said, _, err := gateway.Figures(t.Context()); err != nil || string(said) != "x" {
				t.Errorf("figures: %q, %v", said, err)
			}

			if rights, err := poller.Rights(t.Context()); err != nil || rights.Poll != nil || rights.Serve != nil {
				t.Errorf("the poller lacks %+v, %v", rights, err)
			}
			if rights, err := gateway.Rights(t.Context()); err != nil || rights.Poll == nil || rights.Serve != nil {
				t.Errorf("the gateway lacks %+v, %v", rights, err)
			}
			// All that was refused is what the gateway was tried with.
			for _, s := range servers {
				for what, n := range s.Refused() {
					if what != "presence-gateway presence:{check}:rights:hash" && what != "presence-gateway evalsha" {
						t.Errorf("%s refused %d times: %s", s.Addr, n, what)
					}
				}
			}

			// And nothing beyond.
			var refused *redis.Refusal
			q.fence = p.fence
			if got := q.try(p.message(nil)); !errors.As(got.Err, &refused) {
				t.Errorf("the gateway appends: %+v", got)
			}
			if _, err := gateway.Acquire(t.Context(), "two", 0, time.Minute); !errors.As(err, &refused) {
				t.Errorf("the gateway takes the lease: %v", err)
			}
			if err := gateway.Release(t.Context(), fence); !errors.As(err, &refused) {
				t.Errorf("the gateway frees the lease: %v", err)
			}
			if err := gateway.PostDirectory(t.Context(), fence, fleet.Post{Whole: true}); !errors.As(err, &refused) {
				t.Errorf("the gateway posts a directory: %v", err)
			}
			if err := gateway.PostFigures(t.Context(), fence, []byte("x"), time.Minute); !errors.As(err, &refused) {
				t.Errorf("the gateway says how the reading goes: %v", err)
			}
		})
	}
}

// What a user may not do by the store's methods, it may not do by hand either.
func TestUsersMayNothingElse(t *testing.T) {
	server := redistest.Standalone(t, redistest.Options{Users: documented(t, "acl")})
	for user, forbidden := range map[string][][]any{
		"poller": {{"FLUSHALL"}, {"KEYS", "*"}, {"CONFIG", "GET", "*"}, {"SET", "other", "1"}, {"GET", "other"}, {"PUBLISH", "other", "1"}, {"SCRIPT", "FLUSH"},
			{"EVAL", "return redis.call('FLUSHALL')", 0}, {"EVAL", "return redis.call('SET', 'other', '1')", 0}, {"ACL", "LIST"}, {"DEBUG", "SLEEP", "0"}, {"SUBSCRIBE", "other"}},
		"gateway": {{"HSET", "presence:{s00}:state", "a", "1"}, {"DEL", "presence:{s00}:state"}, {"SET", "presence:{poller}:lease", "1"}, {"PUBLISH", "presence:{s00}:deltas", "1"},
			{"EVAL", "return redis.call('PUBLISH', 'presence:{s00}:deltas', '1')", 0}, {"EVAL", "return redis.call('HSET', 'presence:{s00}:state', 'a', '1')", 0},
			{"EVAL", "return redis.call('HSET', KEYS[1], 'a', '1')", 1, "presence:{poller}:directory"}, {"FLUSHALL"}, {"GET", "other"}, {"SUBSCRIBE", "other"}},
		"reader": {{"HSET", "presence:{s00}:state", "a", "1"}, {"GET", "presence:{poller}:lease"}, {"HGETALL", "presence:{wants}:of:x"}, {"PUBLISH", "presence:{s00}:deltas", "1"}, {"EVAL", "return 1", 0}},
	} {
		c := goredis.NewClient(&goredis.Options{Addr: server.Addr, Username: "presence-" + user, Password: "CHANGE-" + strings.ToUpper(user), Protocol: 2, DisableIdentity: true})
		for _, command := range forbidden {
			if err := c.Do(t.Context(), command...).Err(); err == nil || !strings.Contains(err.Error(), "NOPERM") && !strings.Contains(err.Error(), "user executing the script can't") {
				t.Errorf("%s: %v: %v", user, command, err)
			}
		}
		c.Close()
	}
}

func TestRightsNameWhatIsLacking(t *testing.T) {
	poller := documented(t, "acl")[0]
	for _, c := range []struct{ without, want string }{
		{"publish", "poll PUBLISH"}, {"set", "poll SET"}, {"hset", "serve HSET poll HSET"}, {"subscribe", "serve subscribe"}, {"hgetall", "serve HGETALL"}, {"evalsha_ro", "serve read states"},
	} {
		server := redistest.Standalone(t, redistest.Options{Users: []string{strings.Replace(poller, " +"+c.without+" ", " ", 1)}})
		rights, err := open(t, as(redis.Options{Addrs: []string{server.Addr}}, "poller")).Rights(t.Context())
		said := ""
		if len(rights.Serve) > 0 {
			said += "serve " + strings.Join(rights.Serve, ",") + " "
		}
		if len(rights.Poll) > 0 {
			said += "poll " + strings.Join(rights.Poll, ",")
		}
		if err != nil || !strings.HasPrefix(said, strings.Fields(c.want)[0]) || !strings.Contains(said, strings.Fields(c.want)[1]) {
			t.Errorf("without %s: %q, %v, want %q", c.without, said, err, c.want)
		}
	}
}

// A password and an authority that change count from the next connection on, and those that are open go on.
func TestPasswordAndAuthorityChange(t *testing.T) {
	line := func(password string) string { return "user one on >" + password + " ~* &* +@all" }
	server := redistest.Standalone(t, redistest.Options{TLS: true, Users: []string{line("old")}})
	password := "old"
	o := redis.Options{Addrs: []string{server.Addr}, Username: "one", TLS: true, CAFile: server.CAFile(), Password: func() (string, error) { return password, nil }}
	s := open(t, o)
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	server.RenewTLS()
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("an open connection after the authority changed: %v", err)
	}
	server.CutClients("normal")
	if err := eventually(func() error { return s.Ping(t.Context()) }); err != nil {
		t.Errorf("a new connection after the authority changed: %v", err)
	}
	if err := os.WriteFile(server.CAFile(), []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	server.CutClients("normal")
	if err := eventually(func() error { return s.Ping(t.Context()) }); err != nil {
		t.Errorf("a new connection while the file is broken: %v", err)
	}
	password = "new"
	server.SetUsers(line("new"))
	if err := eventually(func() error { return s.Ping(t.Context()) }); err != nil {
		t.Errorf("a new connection after the password changed: %v", err)
	}
	if err := open(t, o).Ping(t.Context()); err == nil {
		t.Error("a store without an authority that it trusts connects")
	}
	o.CAFile = ""
	if err := open(t, o).Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "TLS") {
		t.Errorf("an authority that nobody trusts: %v", err)
	}
}
