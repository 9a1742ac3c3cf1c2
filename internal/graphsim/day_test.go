package graphsim_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/graphsim"
)

// live runs a tenant for a while of virtual time.
func live(t *testing.T, tenant *graphsim.Tenant, d time.Duration) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := tenant.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	time.Sleep(d)
	stop()
	wg.Wait()
}

func truth(tenant *graphsim.Tenant) []graphsim.Presence {
	all := tenant.Presences()
	for i := range all {
		all[i].ChangedAt = time.Time{}
	}
	return all
}

func TestSameSeedSameDay(t *testing.T) {
	for name, o := range map[string]graphsim.Options{
		"by speed": {Users: 300, Seed: 7, Speed: 600},
		"by rate":  {Users: 300, Seed: 7, ChangesPerSecond: 40},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				other := o
				other.Seed = 8
				a, b, c := graphsim.New(o), graphsim.New(o), graphsim.New(other)
				if !slices.Equal(a.People(), b.People()) || slices.Equal(a.People(), c.People()) {
					t.Error("people do not follow the seed")
				}
				before := truth(a)
				live(t, a, 40*time.Second)
				live(t, b, 40*time.Second)
				live(t, c, 40*time.Second)
				if !slices.Equal(truth(a), truth(b)) {
					t.Error("two tenants of one seed lived different days")
				}
				if slices.Equal(before, truth(a)) || a.Stats().Changes == 0 {
					t.Error("nothing happened")
				}
				if !a.Stats().Time.Equal(b.Stats().Time) {
					t.Errorf("it is %v in one and %v in the other", a.Stats().Time, b.Stats().Time)
				}
				later := truth(a)
				for i := range before {
					if later[i].SequenceNumber < before[i].SequenceNumber || len(later[i].SequenceNumber) != len("A0129311063") {
						t.Errorf("number went from %s to %s", before[i].SequenceNumber, later[i].SequenceNumber)
					}
					same := before[i].State == later[i].State
					if later[i].SequenceNumber == before[i].SequenceNumber && !same {
						t.Errorf("state changed under number %s", later[i].SequenceNumber)
					}
				}
			})
		})
	}
}

func TestRateIsAsChosen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := graphsim.New(graphsim.Options{Users: 2000, ChangesPerSecond: 100, Seed: 5})
		live(t, tenant, 100*time.Second)
		if n := tenant.Stats().Changes; n < 9700 || n > 10300 {
			t.Errorf("%d changes in 100 s at 100/s", n)
		}
	})
}

func TestAWorkingDay(t *testing.T) {
	const people = 4000
	tuesday := int32(time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC).Unix() / 86400)
	at := func(hour, minute int) int64 {
		return time.Date(2026, 3, 3, hour, minute, 0, 0, time.UTC).UnixMilli()
	}
	// How many are how at some hours of the head office's day.
	census := func(instant int64) map[string]int {
		n := map[string]int{}
		for p := range uint32(people) {
			var now graphsim.State
			for d := tuesday - 1; d <= tuesday; d++ {
				for _, m := range graphsim.Plan(1, p, d) {
					if m.At <= instant {
						now = m.State
					}
				}
			}
			n[now.Availability]++
			n[now.Activity]++
			if now.OutOfOffice {
				n["out"]++
			}
		}
		return n
	}
	night, morning, lunch, evening := census(at(2, 0)), census(at(10, 15)), census(at(12, 25)), census(at(20, 0))
	if night["Offline"] < people*3/4 || evening["Offline"] < people*2/3 {
		t.Errorf("at 2:00 %v, at 20:00 %v: too few are offline", night, evening)
	}
	if morning["Offline"] > people/2 || morning["Available"] < people/6 || morning["Busy"] < people/10 {
		t.Errorf("at 10:15 %v", morning)
	}
	if lunch["Away"]+lunch["BeRightBack"] < 2*(morning["Away"]+morning["BeRightBack"]) {
		t.Errorf("at 12:25 %v are away, at 10:15 %v", lunch, morning)
	}
	if night["out"] < people/50 || night["out"] > people/10 {
		t.Errorf("%d are out of office", night["out"])
	}

	// Meetings begin on the half hour: within a minute of it far more people
	// turn InAMeeting than at other times.
	on, off := 0, 0
	for p := range uint32(people) {
		plan := graphsim.Plan(1, p, tuesday)
		if !slices.IsSortedFunc(plan, func(a, b graphsim.Moment) int { return int(a.At - b.At) }) {
			t.Fatalf("person %d's day is not in order", p)
		}
		for i, m := range plan {
			if m.State.Activity == "InAMeeting" && i > 0 && plan[i-1].State.Activity != "InACall" && plan[i-1].State.Activity != "InAConferenceCall" {
				if m.At%(30*60000) < 60000 {
					on++
				} else {
					off++
				}
			}
		}
	}
	if on < 5*off || on < people {
		t.Errorf("%d meetings began on the half hour, %d elsewhere", on, off)
	}
}

func TestEveryPairOccurs(t *testing.T) {
	seen := map[[2]string]bool{}
	texts := map[string]bool{}
	for p := range uint32(3000) {
		for day := int32(20515); day < 20522; day++ {
			for _, m := range graphsim.Plan(2, p, day) {
				seen[[2]string{m.State.Availability, m.State.Activity}] = true
				texts[m.State.StatusMessage] = true
			}
		}
	}
	for _, pair := range graphsim.Pairs() {
		if !seen[pair] {
			t.Errorf("%v never occurs", pair)
		}
	}
	if len(texts) < 10 {
		t.Errorf("only %d status messages occur", len(texts))
	}
}

func TestPinnedByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := graphsim.New(graphsim.Options{Users: 5, Speed: 2000, Pin: time.Minute})
		id := ids(tenant)[0]
		want := graphsim.State{Availability: "Busy", Activity: "InAHuddle", StatusMessage: "by hand"}
		if err := tenant.SetPresence(id, want); err != nil {
			t.Fatal(err)
		}
		live(t, tenant, 59*time.Second) // 33 hours of the day
		if p, _ := tenant.Presence(id); p.State != want {
			t.Errorf("the day overwrote a pinned state: %+v", p.State)
		}
		live(t, tenant, 30*time.Second)
		if p, _ := tenant.Presence(id); p.State == want {
			t.Error("the pin never ends")
		}
		if err := tenant.SetPresence(id, want); err != nil {
			t.Fatal(err)
		}
		if err := tenant.Release(id); err != nil {
			t.Fatal(err)
		}
		if p, _ := tenant.Presence(id); p.State == want {
			t.Error("release leaves the state")
		}
	})
}

func TestATinyTenantLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := graphsim.New(graphsim.Options{Users: 1, ChangesPerSecond: 50})
		live(t, tenant, 10*time.Second)
		if n := tenant.Stats().Changes; n < 300 {
			t.Errorf("%d changes", n)
		}
	})
}

// Whatever the seed, the first person has a working day.
func TestTheFirstPersonWorks(t *testing.T) {
	for seed := range uint64(300) {
		if n := len(graphsim.Plan(seed, 0, 20515)); n < 4 {
			t.Errorf("seed %d: a day of %d changes", seed, n)
		}
	}
}
