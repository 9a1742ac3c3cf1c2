package poller_test

import (
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller"
	"github.com/presence-gateway/presence-gateway/poller/budget"
	"github.com/presence-gateway/presence-gateway/poller/graph"
)

func user(n int) (id presence.ID) {
	binary.BigEndian.PutUint64(id[8:], uint64(n)+1)
	return id
}

func users(from, n int) []presence.ID {
	ids := make([]presence.ID, n)
	for i := range ids {
		ids[i] = user(from + i)
	}
	return ids
}

var busy = presence.Intern(presence.Facts{Availability: "Busy", Activity: "InACall"}, 0)

// source is Graph by a script.
type source struct {
	size    int
	latency time.Duration

	mu      sync.Mutex
	script  func(ids []presence.ID) (wait time.Duration, err error) // nil: all is well
	missing map[presence.ID]bool
	poison  map[presence.ID]bool
	left    []time.Time
	asked   map[presence.ID]int
	twice   bool // a user was in two requests at once
	flying  map[presence.ID]bool
	closed  int // CloseIdleConnections

	dark    error               // the directory's answer; nil: names and addresses
	named   map[presence.ID]int // how often names were asked for
	title   string              // what everyone is
	lookUps int                 // requests to the directory
	mails   [][]string          // addresses asked for
}

func (s *source) People(_ context.Context, ids []presence.ID) (people []presence.Person, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.named == nil {
		s.named = map[presence.ID]int{}
	}
	s.lookUps++
	for _, id := range ids {
		s.named[id]++
		if s.title != nobody {
			people = append(people, presence.Person{ID: id, DisplayName: "User " + id.String(), JobTitle: s.title})
		}
	}
	return people, s.dark
}

// asks returns how often names were asked for, of one user and of all.
func (s *source) asks(id presence.ID) (of, all int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.named {
		all += n
	}
	return s.named[id], all
}

// people sets what the directory answers: an error, or everyone with a title, or nobody.
func (s *source) people(dark error, title string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dark, s.title = dark, title
}

const nobody = "nobody"

func (s *source) BatchSize() int { return s.size }

func (s *source) CloseIdleConnections() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed++
}

func (s *source) play(script func(ids []presence.ID) (time.Duration, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = script
}

func (s *source) Read(ctx context.Context, ids []presence.ID) (*graph.Answer, error) {
	asked := time.Now()
	s.mu.Lock()
	s.left = append(s.left, asked)
	wait, err := s.latency, error(nil)
	if s.script != nil {
		wait, err = s.script(ids)
	}
	for _, id := range ids {
		s.twice = s.twice || s.flying[id]
		s.flying[id] = true
		s.asked[id]++
		if s.poison[id] {
			err = status(404)
		}
	}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, id := range ids {
			delete(s.flying, id)
		}
	}()
	limited, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	select {
	case <-time.After(wait):
	case <-limited.Done():
		return nil, &graph.Error{Op: "read presences", ClientRequestID: "c", Err: limited.Err()}
	}
	if err != nil {
		return nil, err
	}
	a := &graph.Answer{RequestID: "r", ClientRequestID: "c", Asked: asked, Answered: time.Now()}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		if s.missing[id] {
			a.Missing = append(a.Missing, id)
		} else {
			a.Readings = append(a.Readings, presence.Reading{ID: id, Content: busy, Sequence: "A1", Asked: asked, Answered: a.Answered})
		}
	}
	return a, nil
}

func status(code int) *graph.Error {
	return &graph.Error{Op: "read presences", Status: code, ClientRequestID: "c", RequestID: "r", Answered: true}
}

func retryAfter(code int, d time.Duration) *graph.Error {
	e := status(code)
	e.RetryAfter, e.RetryAfterSet = d, true
	return e
}

// always answers every read with err at once.
func always(err error) func([]presence.ID) (time.Duration, error) {
	return func([]presence.ID) (time.Duration, error) { return time.Millisecond, err }
}

// once answers one read with err, and the rest well.
func once(err error) func([]presence.ID) (time.Duration, error) {
	done := false
	return func([]presence.ID) (time.Duration, error) {
		if done {
			return 60 * time.Millisecond, nil
		}
		done = true
		return time.Millisecond, err
	}
}

// term records what the poller says.
type term struct {
	mu        sync.Mutex
	asked     map[presence.ID]time.Time // of the latest reading of each user who is there
	gone      map[presence.ID]int
	readings  int
	statuses  []report
	directory *presence.Directory
	forgotten []presence.ID
	lapsed    int // of these, how many because interest ended by itself
	wants     chan []presence.Want
	verdict   presence.Verdict
	broken    error
}

type report struct {
	presence.Status
	at time.Time
}

func (t *term) Observe(_ context.Context, readings []presence.Reading) ([]presence.Verdict, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	verdicts := make([]presence.Verdict, len(readings))
	for i, r := range readings {
		verdicts[i] = t.verdict
		t.readings++
		if r.Content == nil {
			t.gone[r.ID]++
		} else {
			t.asked[r.ID] = r.Asked
		}
	}
	return verdicts, t.broken
}

func (t *term) Lapse(ids []presence.ID) {
	t.Forget(ids)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lapsed += len(ids)
}

func (t *term) Forget(ids []presence.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forgotten = append(t.forgotten, ids...)
	for _, id := range ids {
		delete(t.asked, id)
	}
}

func (t *term) Describe(d *presence.Directory) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.directory = d
}

func (t *term) Wants(ctx context.Context) ([]presence.Want, error) {
	select {
	case w := <-t.wants:
		return w, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (t *term) Report(s presence.Status) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.statuses = append(t.statuses, report{s, time.Now()})
}

// times returns how often a user was asked for.
func (s *source) times(id presence.ID) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[id]
}

func (s *source) closes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// goneTimes returns how often a user was reported gone.
func (t *term) goneTimes(id presence.ID) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.gone[id]
}

func (t *term) dropped() []presence.ID {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.forgotten)
}

func (t *term) described() *presence.Directory {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.directory
}

// credential is a token that changes when told, and answers every challenge.
type credential struct {
	mu         sync.Mutex
	ch         chan struct{}
	challenges []string
	renewals   int
	ends       time.Time // its certificate
}

func (c *credential) Expires() (token, certificate time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Time{}, c.ends
}

func (c *credential) Renew() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.renewals++
	return true
}

func (c *credential) Challenge(claims string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.challenges = append(c.challenges, claims)
	return true
}

func (c *credential) Token(context.Context) (graph.Token, error) {
	return graph.Token{Value: "t", Expires: time.Now().Add(time.Hour)}, nil
}

func (c *credential) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ch
}

func (c *credential) change() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.ch)
	c.ch = make(chan struct{})
}

// stage is a poller between a scripted Graph and a recording term, in virtual time.
type stage struct {
	*testing.T
	source     *source
	term       *term
	credential *credential
	dir        string // of the budget's record
	requests   int    // of the budget
	budget     *budget.Budget
	registry   *prometheus.Registry
	poller     *poller.Poller
	o          poller.Options
	stop       func() error
}

// perform runs test with a stage that its own set-up may change before [stage.start].
func perform(t *testing.T, test func(s *stage)) {
	t.Helper()
	dir := folder(t)
	synctest.Test(t, func(t *testing.T) {
		s := &stage{
			T:          t,
			dir:        dir,
			source:     &source{size: 650, latency: 60 * time.Millisecond, asked: map[presence.ID]int{}, flying: map[presence.ID]bool{}},
			term:       &term{asked: map[presence.ID]time.Time{}, gone: map[presence.ID]int{}, wants: make(chan []presence.Want)},
			credential: &credential{ch: make(chan struct{})},
			registry:   prometheus.NewRegistry(),
		}
		s.o = poller.Options{Credential: s.credential, Registry: s.registry}
		s.openBudget()
		test(s)
		if s.stop != nil {
			if err := s.stop(); err != nil {
				t.Errorf("Run: %v", err)
			}
		}
		if s.source.twice {
			t.Error("a user was in two requests at once")
		}
		if err := s.budget.Close(); err != nil {
			t.Error(err)
		}
	})
}

func folder(t *testing.T) string {
	const memory = "/dev/shm"
	if _, err := os.Stat(memory); err != nil {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(memory, "poller")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (s *stage) openBudget() {
	s.Helper()
	var err error
	if s.budget, err = budget.Open(budget.Options{Dir: s.dir, Identity: "test", Requests: s.requests}); err != nil {
		s.Fatal(err)
	}
	s.o.Budget = s.budget
}

// crowd watches n users, or if they are many a tenth of them in batches of a tenth: as many requests, in a tenth of
// the time. With PRESENCE_SOAK it is all of them.
func (s *stage) crowd(n int) {
	if n > 1000 && os.Getenv("PRESENCE_SOAK") == "" {
		n, s.source.size = n/10, s.source.size/10
	}
	s.o.Watch.Users = users(0, n)
}

func (s *stage) start() {
	s.Helper()
	var err error
	if s.poller, err = poller.New(s.source, s.term, s.o); err != nil {
		s.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.poller.Run(ctx) }()
	s.stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
}

// wait lets time pass, and everything that happens in it.
func (s *stage) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (s *stage) statuses() []report {
	s.term.mu.Lock()
	defer s.term.mu.Unlock()
	return slices.Clone(s.term.statuses)
}

func (s *stage) last() presence.Status {
	all := s.statuses()
	if len(all) == 0 {
		return presence.Status{Reason: "nothing reported"}
	}
	return all[len(all)-1].Status
}

// oldest returns how long ago the last reading of the user longest not read was asked for, and how many were read.
func (s *stage) oldest() (age time.Duration, read int) {
	s.term.mu.Lock()
	defer s.term.mu.Unlock()
	for asked := range maps.Values(s.term.asked) {
		age = max(age, time.Since(asked))
	}
	return age, len(s.term.asked)
}

var errCut = &graph.Error{Op: "read presences", ClientRequestID: "c", Err: errors.New("connection refused")}

func (s *source) requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lookUps
}

// Find knows everyone by their number, such as 7@example.com.
func (s *source) Find(_ context.Context, addresses []string) (map[string]presence.ID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, slices.Clone(addresses))
	found := map[string]presence.ID{}
	for _, address := range addresses {
		if strings.HasPrefix(address, "odd") {
			return nil, status(400)
		}
		if n, err := strconv.Atoi(strings.TrimSuffix(address, "@example.com")); err == nil {
			found[address] = user(n)
		}
	}
	return found, s.dark
}

// addresses returns all that were asked for, in how many requests.
func (s *source) addresses() (all []string, requests int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Concat(s.mails...), len(s.mails)
}
