package client_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/presence-gateway/presence-gateway/gateway/client"
)

const anna = "fa8bf3dc-eca7-46b7-bad1-db199b62afc3"

func annaAt(version string) string {
	return fmt.Sprintf(`{"id":%q,"availability":"Busy","activity":"InACall","version":%q,"observedAt":"2000-01-01T00:00:00.000Z"}`, anna, version)
}

// Close codes are a contract: which are final, and which are not.
func TestCloseCodes(t *testing.T) {
	for code, again := range map[websocket.StatusCode]bool{1000: true, 1001: true, 1009: false, 1011: true, 1012: true, 1013: true,
		4400: false, 4401: false, 4403: false, 4408: true, 4409: true, 4429: true, 4999: true} {
		t.Run(fmt.Sprint(int(code)), func(t *testing.T) {
			scripted(t, client.Options{APIKey: "key"}, func(p *peer) {
				if p.number > 1 {
					p.greet()
					p.drain()
					return
				}
				_ = p.ws.Close(code, "why")
			}, func(t *testing.T, c *client.Client, peers func() []*peer) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				err := consume(ctx, c, func(e client.Event) bool { s, ok := e.(client.Status); return ok && s.State == client.Live })
				var closed *client.CloseError
				if again != (err == nil) || (!again && (!errors.As(err, &closed) || closed.Code != int(code) || closed.Reason != "why")) {
					t.Errorf("got %v", err)
				}
				if want := map[bool]int{true: 2, false: 1}[again]; len(peers()) != want {
					t.Errorf("%d connections, want %d", len(peers()), want)
				}
			})
		})
	}
}

// After 4401 the next connection has another token, or there is none.
func TestNewTokenAfterRefusal(t *testing.T) {
	var asked atomic.Int32
	o := client.Options{Token: func(context.Context) (string, error) {
		if asked.Add(1) < 5 { // a source that keeps what it has for a while
			return "first", nil
		}
		return "second", nil
	}}
	scripted(t, o, func(p *peer) {
		if p.request.Header.Get("Authorization") == "Bearer first" {
			_ = p.ws.Close(4401, "not valid here")
			return
		}
		p.greet()
		p.drain()
	}, func(t *testing.T, c *client.Client, peers func() []*peer) {
		var reasons []string
		err := consume(t.Context(), c, func(e client.Event) bool {
			s, ok := e.(client.Status)
			if ok && s.State == client.Down {
				reasons = append(reasons, s.Reason)
			}
			return ok && s.State == client.Live
		})
		if err != nil || len(peers()) != 2 || asked.Load() != 5 {
			t.Errorf("%v, %d connections, asked %d times", err, len(peers()), asked.Load())
		}
		if slices.ContainsFunc(reasons, func(r string) bool { return r != client.SignedOut }) || len(reasons) == 0 {
			t.Errorf("reasons %q", reasons)
		}
	})
}

// The sign-in is renewed on the connection, once the source has another token.
func TestRenewal(t *testing.T) {
	var asked atomic.Int32
	var renewed atomic.Bool
	o := client.Options{Token: func(context.Context) (string, error) {
		return map[bool]string{true: "second", false: "first"}[asked.Add(1) > 3], nil
	}}
	scripted(t, o, func(p *peer) {
		p.greet()
		p.say(`{"type":"expiring","inSeconds":300}`)
		m, _ := p.hear()
		if m.Type != "authenticate" || m.Token != "second" {
			t.Errorf("got %+v", m)
		}
		renewed.Store(true)
		p.say(`{"type":"ack"}`)
		p.drain()
	}, func(t *testing.T, c *client.Client, peers func() []*peer) {
		ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
		defer cancel()
		_ = consume(ctx, c, func(client.Event) bool { return renewed.Load() })
		if len(peers()) != 1 || !renewed.Load() {
			t.Errorf("%d connections", len(peers()))
		}
	})
}

// A goodbye's delay is kept.
func TestGoodbye(t *testing.T) {
	scripted(t, client.Options{}, func(p *peer) {
		p.greet()
		if p.number == 1 {
			p.say(`{"type":"goodbye","reason":"draining","reconnectAfterMs":7000}`)
			_ = p.ws.Close(1012, "restarting")
			return
		}
		p.drain()
	}, func(t *testing.T, c *client.Client, peers func() []*peer) {
		_ = consume(t.Context(), c, func(e client.Event) bool {
			s, ok := e.(client.Status)
			return ok && s.State == client.Live && len(peers()) == 2
		})
		if p := peers(); p[1].at.Sub(p[0].at) != 7*time.Second {
			t.Errorf("came back after %v", p[1].at.Sub(p[0].at))
		}
	})
}

// A gateway that is silent for 2.5 heartbeats is given up, at that moment.
func TestSilence(t *testing.T) {
	scripted(t, client.Options{}, func(p *peer) {
		p.greet()
		time.Sleep(5 * time.Second)
		p.say(`{"type":"heartbeat","at":"2000-01-01T00:00:05.000Z"}`)
		for { // takes everything in, and says nothing
			if _, _, err := p.ws.Read(context.Background()); err != nil {
				return
			}
		}
	}, func(t *testing.T, c *client.Client, peers func() []*peer) {
		began := time.Now()
		err := consume(t.Context(), c, func(e client.Event) bool {
			s, ok := e.(client.Status)
			return ok && s.State == client.Down
		})
		if s := c.Status(); err != nil || s.Reason != client.Silent || time.Since(began) != 30*time.Second {
			t.Errorf("%v, %+v after %v", err, s, time.Since(began))
		}
	})
}

// A server that never says hello is given up too.
func TestNoHello(t *testing.T) {
	scripted(t, client.Options{}, func(p *peer) { p.drain() }, func(t *testing.T, c *client.Client, peers func() []*peer) {
		began := time.Now()
		var s client.Status
		_ = consume(t.Context(), c, func(e client.Event) (down bool) {
			s, down = e.(client.Status)
			return down && s.State == client.Down
		})
		if s.Reason != client.Silent || time.Since(began) != 10*time.Second {
			t.Errorf("%+v after %v", s, time.Since(began))
		}
	})
}

// The back-off grows with failures, has full jitter, and starts anew only after a connection that held.
func TestBackoff(t *testing.T) {
	const attempts = 300
	waits := map[bool][]time.Duration{}
	for _, held := range []bool{false, true} {
		scripted(t, client.Options{}, func(p *peer) {
			p.greet()
			if held {
				go p.drain()
				time.Sleep(11 * time.Second)
				p.say(`{"type":"status","state":"live"}`)
			}
			_ = p.ws.CloseNow()
		}, func(t *testing.T, c *client.Client, peers func() []*peer) {
			_ = consume(t.Context(), c, func(e client.Event) bool {
				if s, ok := e.(client.Status); ok && s.State == client.Down {
					waits[held] = append(waits[held], time.Until(s.Retry))
				}
				return len(waits[held]) == attempts
			})
		})
	}
	short, long := 0, 0
	for _, wait := range waits[false][10:] {
		if wait < 5*time.Second {
			short++
		}
		if wait > 20*time.Second {
			long++
		}
	}
	if short == 0 || long == 0 || slices.Max(waits[false]) > 30*time.Second {
		t.Errorf("after failures: %d short, %d long, at most %v: want anything up to 30s", short, long, slices.Max(waits[false]))
	}
	if most := slices.Max(waits[true]); most > 500*time.Millisecond || most < 300*time.Millisecond {
		t.Errorf("after connections that held: up to %v", most)
	}
}

// What is no presence.v1.json ends a connection; what is merely new does not.
func TestGarbage(t *testing.T) {
	for text, good := range map[string]bool{
		`{"type":"news","users":7,"presences":"x"}`:                true,
		`{"type":"delta","presences":[],"more":false,"extra":[1]}`: true,
		`{"type":"delta","presences":[{"id":"x"}]}`:                false,
		`{"type":"delta","presences":7}`:                           false,
		`{"type":"gone","users":[7]}`:                              false,
		`{"type":"heartbeat"}`:                                     false,
		`[]`:                                                       false,
		`{`:                                                        false,
		``:                                                         false,
		`{"users":[]}`:                                             false,
		`{"type":"delta","presences":[` + annaAt("1") + `]}`:                              true,
		`{"type":"delta","presences":[` + annaAt("1")[:len(annaAt("1"))-3] + `"}]}`:       false,
		`{"type":"delta","presences":[` + annaAt("1") + `,` + annaAt("") + `]}`:           false,
		`{"type":"snapshot","id":99,"presences":[],"pending":[],"gone":[],"denied":null}`: true,
	} {
		t.Run(text, func(t *testing.T) {
			scripted(t, client.Options{}, func(p *peer) {
				p.greet()
				p.say("%s", text)
				p.drain()
			}, func(t *testing.T, c *client.Client, peers func() []*peer) {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				down := false
				_ = consume(ctx, c, func(e client.Event) bool {
					if s, ok := e.(client.Status); ok && s.State == client.Down {
						down = s.Reason == client.Garbled
					}
					return down
				})
				if down == good {
					t.Errorf("ended: %v", down)
				}
			})
		})
	}
}

// A new connection is told the versions held, and vouches for what it leaves out; what it does not speak of is dropped.
func TestResume(t *testing.T) {
	scripted(t, client.Options{}, func(p *peer) {
		p.greet()
		m, _ := p.hear()
		switch p.number {
		case 1:
			if len(m.Known) != 0 {
				t.Errorf("known at first: %v", m.Known)
			}
			p.say(`{"type":"snapshot","id":%d,"presences":[%s],"pending":[],"gone":[],"denied":[],"invalid":[]}`, m.ID, annaAt("5"))
			p.say(`{"type":"heartbeat","at":"2000-01-01T00:00:00.000Z","oldest":"2000-01-01T00:00:00.000Z"}`)
			_ = p.ws.CloseNow()
		case 2:
			if m.Known[anna] != "5" {
				t.Errorf("known after a state: %v", m.Known)
			}
			p.say(`{"type":"snapshot","id":%d,"presences":[],"pending":[],"gone":[],"denied":[],"invalid":[]}`, m.ID)
			p.say(`{"type":"delta","presences":[%s]}`, annaAt("4")) // of a gateway gone mad
			p.say(`{"type":"gone","users":["x"],"reason":"unknown"}`)
			_ = p.ws.CloseNow()
		case 3: // a gateway without memory: lower versions
			p.say(`{"type":"snapshot","id":%d,"presences":[%s],"pending":[],"gone":[],"denied":[],"invalid":[]}`, m.ID, annaAt("1"))
			p.drain()
		}
	}, func(t *testing.T, c *client.Client, peers func() []*peer) {
		c.Subscribe(client.Selection{Users: []string{anna}})
		var versions []string
		_ = consume(t.Context(), c, func(e client.Event) bool {
			switch e := e.(type) {
			case client.Changed:
				versions = append(versions, e.Presence.Version)
			case client.Status:
				if _, err := c.Usable(anna, time.Hour); err == nil && e.State != client.Live {
					t.Errorf("usable while %s", e.State)
				}
			}
			return len(versions) == 2
		})
		// The delta of a lower version on the second connection reached no one.
		if !slices.Equal(versions, []string{"5", "1"}) {
			t.Errorf("versions %q", versions)
		}
	})
}

// When rights have changed, the same version may show other fields: no version is told then, and what is sent replaces
// what is held.
func TestRightsChanged(t *testing.T) {
	scripted(t, client.Options{}, func(p *peer) {
		p.greet()
		m, _ := p.hear()
		state := annaAt("5")
		if p.number == 2 {
			state = strings.Replace(state, `"version"`, `"outOfOfficeSettings":{"isOutOfOffice":true},"version"`, 1)
			if len(m.Known) > 0 {
				t.Errorf("known %v", m.Known)
			}
		}
		p.say(`{"type":"snapshot","id":%d,"presences":[%s],"pending":[],"gone":[],"denied":[],"invalid":[]}`, m.ID, state)
		if p.number == 1 {
			p.say(`{"type":"goodbye","reason":"rights_changed","reconnectAfterMs":10}`)
			_ = p.ws.Close(1012, "rights changed")
		}
		p.drain()
	}, func(t *testing.T, c *client.Client, peers func() []*peer) {
		c.Subscribe(client.Selection{Users: []string{anna}})
		_ = consume(t.Context(), c, func(e client.Event) bool {
			changed, ok := e.(client.Changed)
			return ok && changed.Presence.OutOfOffice != nil
		})
	})
}

// What the gateway puts off is asked again a while later; what it refuses is told.
func TestRefusals(t *testing.T) {
	scripted(t, client.Options{}, func(p *peer) {
		p.greet()
		began := time.Now()
		m, _ := p.hear()
		p.say(`{"type":"error","id":%d,"code":"rate_limited","message":"too many"}`, m.ID)
		m, _ = p.hear()
		if waited := time.Since(began); waited < time.Second {
			t.Errorf("asked again after %v", waited)
		}
		p.say(`{"type":"error","id":%d,"code":"too_many_users","message":"more than"}`, m.ID)
		p.drain()
	}, func(t *testing.T, c *client.Client, peers func() []*peer) {
		c.Subscribe(client.Selection{Users: []string{anna}})
		var refused client.Refused
		_ = consume(t.Context(), c, func(e client.Event) (done bool) { refused, done = e.(client.Refused); return done })
		if refused.Err.Code != "too_many_users" || !slices.Equal(refused.Selection.Users, []string{anna}) {
			t.Errorf("got %+v", refused)
		}
	})
}

// Ages are reckoned by the gateway's clock, and what the network adds counts as age.
func TestAges(t *testing.T) {
	scripted(t, client.Options{}, func(p *peer) {
		time.Sleep(time.Second)
		p.greet()
		// The gateway's clock stands an hour ahead, and everything takes two seconds to arrive.
		_, ping, _ := p.ws.Read(context.Background())
		at := time.Now().Add(time.Hour)
		time.Sleep(2 * time.Second)
		var id int
		_, _ = fmt.Sscanf(string(ping), `{"id":%d`, &id)
		p.say(`{"type":"pong","id":%d,"at":%q,"observedAt":{}}`, id, at.UTC().Format(time.RFC3339Nano))
		m, _ := p.hear()
		state := `{"id":"` + anna + `","availability":"Away","activity":"Away","version":"1","observedAt":"` + at.Add(-10*time.Second).UTC().Format(time.RFC3339Nano) + `"}`
		p.say(`{"type":"snapshot","id":%d,"presences":[%s],"pending":[],"gone":[],"denied":[],"invalid":[]}`, m.ID, state)
		time.Sleep(3 * time.Second)
		p.drain()
	}, func(t *testing.T, c *client.Client, peers func() []*peer) {
		c.Subscribe(client.Selection{Users: []string{anna}})
		_ = consume(t.Context(), c, func(e client.Event) bool {
			s, ok := e.(client.Status)
			if !ok || s.State != client.Live {
				return false
			}
			// 10 s old when the ping was answered, which was 2 s ago.
			if age, known := c.Age(anna); !known || age != 12*time.Second {
				t.Errorf("age %v, known %v", age, known)
			}
			if _, err := c.Usable(anna, 11*time.Second); !errors.Is(err, client.ErrTooOld) {
				t.Errorf("usable though too old: %v", err)
			}
			if p, err := c.Usable(" "+anna, 13*time.Second); err != nil || p.Availability != client.Away {
				t.Errorf("not usable: %v", err)
			}
			if _, err := c.Usable("nobody", time.Hour); !errors.Is(err, client.ErrNoState) {
				t.Errorf("nobody: %v", err)
			}
			return true
		})
		if _, err := c.Usable(anna, time.Hour); !errors.Is(err, client.ErrNotLive) {
			t.Errorf("usable without a connection: %v", err)
		}
	})
}

// What a heartbeat says of the oldest state says nothing of a state that came after it.
func TestOldest(t *testing.T) {
	instant := func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
	scripted(t, client.Options{}, func(p *peer) {
		p.greet()
		began := time.Now()
		state := func(version string) string {
			return strings.Replace(annaAt(version), "2000-01-01T00:00:00.000Z", instant(began.Add(-time.Minute)), 1)
		}
		m, _ := p.hear()
		p.say(`{"type":"snapshot","id":%d,"presences":[%s],"pending":[],"gone":[],"denied":[],"invalid":[]}`, m.ID, state("1"))
		go p.drain()
		time.Sleep(time.Second)
		p.say(`{"type":"heartbeat","at":%q,"oldest":%q}`, instant(began.Add(time.Second)), instant(began))
		time.Sleep(time.Second)
		p.say(`{"type":"delta","presences":[%s]}`, state("2"))
		time.Sleep(time.Second)
	}, func(t *testing.T, c *client.Client, peers func() []*peer) {
		c.Subscribe(client.Selection{Users: []string{anna}})
		var ages []time.Duration
		_ = consume(t.Context(), c, func(e client.Event) bool {
			if changed, ok := e.(client.Changed); ok && changed.Presence.Version == "1" {
				time.Sleep(1500 * time.Millisecond)
			}
			if s, ok := e.(client.Status); ok && s.State == client.Connecting {
				return false
			}
			age, _ := c.Age(anna)
			ages = append(ages, age.Round(time.Second))
			return len(ages) == 3
		})
		if want := []time.Duration{2 * time.Second, 2 * time.Second, 62 * time.Second}; !slices.Equal(ages, want) {
			t.Errorf("ages %v, want %v", ages, want)
		}
	})
}

// However often a state changes while nobody looks: it is told once. What is sent again, and is held, is not told again.
func TestToldOnce(t *testing.T) {
	scripted(t, client.Options{}, func(p *peer) {
		p.greet()
		m, _ := p.hear()
		go p.drain()
		held := map[int]string{1: "10000", 2: "20000"}[p.number]
		p.say(`{"type":"snapshot","id":%d,"presences":[%s],"pending":[],"gone":[],"denied":[],"invalid":[]}`, m.ID, annaAt(held))
		time.Sleep(time.Second)
		if p.number == 2 {
			p.say(`{"type":"delta","presences":[%s]}`, annaAt("30000"))
			time.Sleep(time.Second)
			return
		}
		for i := range 1000 {
			p.say(`{"type":"delta","presences":[%s]}`, annaAt(fmt.Sprint(10001+i)))
		}
		time.Sleep(10 * time.Second)
		p.say(`{"type":"delta","presences":[%s]}`, annaAt("20000"))
		time.Sleep(10 * time.Second)
	}, func(t *testing.T, c *client.Client, peers func() []*peer) {
		c.Subscribe(client.Selection{Users: []string{anna}})
		var versions []string
		_ = consume(t.Context(), c, func(e client.Event) bool {
			changed, ok := e.(client.Changed)
			if ok {
				versions = append(versions, changed.Presence.Version)
				time.Sleep(5 * time.Second) // a consumer who takes their time
			}
			return ok && changed.Presence.Version == "30000"
		})
		if !slices.Equal(versions, []string{"10000", "11000", "20000", "30000"}) {
			t.Errorf("%d versions: %.20q", len(versions), versions)
		}
	})
}

// Live means that ages can be told, too.
func TestLiveTellsAges(t *testing.T) {
	scripted(t, client.Options{}, func(p *peer) {
		p.greet()
		_, ping, _ := p.ws.Read(context.Background())
		m, _ := p.hear()
		p.say(`{"type":"snapshot","id":%d,"presences":[%s],"pending":[],"gone":[],"denied":[],"invalid":[]}`, m.ID, annaAt("1"))
		time.Sleep(3 * time.Second)
		var id int
		_, _ = fmt.Sscanf(string(ping), `{"id":%d`, &id)
		p.say(`{"type":"pong","id":%d,"at":"2000-01-01T00:00:00.000Z","observedAt":{}}`, id)
		p.drain()
	}, func(t *testing.T, c *client.Client, peers func() []*peer) {
		c.Subscribe(client.Selection{Users: []string{anna}})
		_ = consume(t.Context(), c, func(e client.Event) bool {
			s, ok := e.(client.Status)
			if live := ok && s.State == client.Live; !live {
				return false
			}
			if _, known := c.Age(anna); !known {
				t.Error("live, and no age is known")
			}
			return true
		})
	})
}

// Whoever waits for a confirmation is told when the connection ends first.
func TestConfirmEnds(t *testing.T) {
	scripted(t, client.Options{}, func(p *peer) {
		p.greet()
		for {
			_, text, err := p.ws.Read(context.Background())
			switch {
			case err != nil:
				return
			case strings.Contains(string(text), "users"):
				_ = p.ws.CloseNow()
			default:
				var id int
				_, _ = fmt.Sscanf(string(text), `{"id":%d`, &id)
				p.say(`{"type":"pong","id":%d,"at":%q,"observedAt":{}}`, id, time.Now().UTC().Format(time.RFC3339Nano))
			}
		}
	}, func(t *testing.T, c *client.Client, peers func() []*peer) {
		ended := make(chan error, 1)
		_ = consume(t.Context(), c, func(e client.Event) bool {
			switch s, _ := e.(client.Status); s.State {
			case client.Live:
				if len(peers()) == 1 {
					go func() { ended <- c.Confirm(t.Context(), anna) }()
				}
			case client.Down:
				return true
			}
			return false
		})
		if err := <-ended; !errors.Is(err, client.ErrNotLive) {
			t.Errorf("got %v", err)
		}
	})
}

func TestNew(t *testing.T) {
	for address, good := range map[string]bool{"https://presence.example.com": true, "http://127.0.0.1:8080/": true, "wss://x/prefix": true,
		"ws://x/v1/stream": true, "": false, "presence.example.com": false, "ftp://x": false, "http://x?token=1": false, "http://u:p@x": false, "://": false} {
		if _, err := client.New(address, client.Options{}); (err == nil) != good {
			t.Errorf("%q: %v", address, err)
		}
	}
	if _, err := client.New("http://x", client.Options{APIKey: "k", Token: func(context.Context) (string, error) { return "", nil }}); err == nil {
		t.Error("two ways to sign in")
	}
}

// One loop at a time.
func TestOneLoop(t *testing.T) {
	scripted(t, client.Options{}, func(p *peer) { p.greet(); p.drain() }, func(t *testing.T, c *client.Client, peers func() []*peer) {
		for range c.Events(t.Context()) {
			for _, err := range c.Events(t.Context()) {
				if !errors.Is(err, client.ErrInUse) {
					t.Errorf("got %v", err)
				}
			}
			break
		}
	})
}
