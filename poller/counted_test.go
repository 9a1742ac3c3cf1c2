package poller_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/graphsim"
	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller"
	"github.com/presence-gateway/presence-gateway/poller/graph"
)

// simulated reads the simulated tenant in virtual time: what the real client does, without a network.
type simulated struct {
	tenant *graphsim.Tenant
	size   int

	mu    sync.Mutex
	pause time.Time // until when no read may leave, as far as answers said so
	early int       // reads that did
}

func (s *simulated) BatchSize() int { return s.size }

func (s *simulated) Read(_ context.Context, ids []presence.ID) (*graph.Answer, error) {
	asked := time.Now()
	s.mu.Lock()
	if asked.Before(s.pause) {
		s.early++
	}
	s.mu.Unlock()
	time.Sleep(30 * time.Millisecond)
	body, err := json.Marshal(map[string][]presence.ID{"ids": ids})
	if err != nil {
		return nil, err
	}
	r := httptest.NewRequest(http.MethodPost, "/v1.0/communications/getPresencesByUserId", bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer t")
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.tenant.Handler().ServeHTTP(w, r)
	time.Sleep(30 * time.Millisecond)
	if w.Code != http.StatusOK {
		failure := status(w.Code)
		if seconds, err := strconv.Atoi(w.Header().Get("Retry-After")); err == nil {
			failure.RetryAfter, failure.RetryAfterSet = time.Duration(seconds)*time.Second, true
			s.mu.Lock()
			s.pause = time.Now().Add(failure.RetryAfter)
			s.mu.Unlock()
		}
		return nil, failure
	}
	var rows struct {
		Value []struct {
			ID             presence.ID
			SequenceNumber string
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &rows); err != nil {
		return nil, err
	}
	a := &graph.Answer{Asked: asked, Answered: time.Now()}
	for _, row := range rows.Value {
		a.Readings = append(a.Readings, presence.Reading{ID: row.ID, Content: busy, Sequence: row.SequenceNumber, Asked: asked, Answered: a.Answered})
	}
	return a, nil
}

// If Graph counts a batch as its 650 ids, which nobody documents, a poller that takes it for one request is refused
// again and again. It must not get out of hand: no read inside a pause, a pace that sinks until few reads are in vain,
// everyone still read as that limit allows, and whoever watches told what is the matter.
func TestBatchThatCountsAsItsIDs(t *testing.T) {
	perform(t, func(s *stage) {
		const people, size = 2000, 650
		source := &simulated{tenant: graphsim.New(graphsim.Options{Users: people, CountIDs: true}), size: size}
		for _, p := range source.tenant.People() {
			id, err := presence.ParseID(p.ID)
			if err != nil {
				t.Fatal(err)
			}
			s.o.Watch.Users = append(s.o.Watch.Users, id)
		}
		p, err := poller.New(source, s.term, s.o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- p.Run(ctx) }()
		least := 1.0
		var worst time.Duration // that somebody was not read, after the first minutes
		before := source.tenant.Stats()
		for minute := range 30 {
			s.wait(time.Minute)
			stats := source.tenant.Stats()
			least = min(least, s.budget.Usage().Pace)
			if reads, refused := stats.Reads-before.Reads, stats.Refused-before.Refused; reads > 16 || refused > 8 {
				t.Errorf("minute %d: %d reads, %d refused", minute, reads, refused)
			}
			before = stats
			if age, read := s.oldest(); minute >= 5 {
				if read != people {
					t.Errorf("minute %d: %d of %d users were read", minute, read, people)
				}
				worst = max(worst, age)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		stats := source.tenant.Stats()
		possible := 30 * 60 / stats.WindowSeconds * float64(stats.Limit)
		t.Logf("half an hour: %d reads, %d refused, %.0f %% of the ids that the limit allows; the pace sank to %.3f; the longest not read %v",
			stats.Reads, stats.Refused, 100*float64(stats.Rows)/possible, least, worst.Round(time.Second))
		if source.early > 0 || stats.DuringRetryAfterLate > 0 || stats.Refused == 0 {
			t.Errorf("%d reads left inside a pause; %+v", source.early, stats)
		}
		if least > .1 {
			t.Errorf("the pace never sank below %v", least)
		}
		if worst > 3*time.Minute {
			t.Errorf("somebody was not read for %v", worst)
		}
		if !slices.ContainsFunc(s.statuses(), func(r report) bool { return r.Reason == presence.Throttled }) {
			t.Errorf("nobody was told: %v", s.statuses())
		}
	})
}
