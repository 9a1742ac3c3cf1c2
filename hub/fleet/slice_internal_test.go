package fleet

import (
	"testing"

	"github.com/presence-gateway/presence-gateway/hub"
)

func TestACallCarriesSoManyStates(t *testing.T) {
	jobs := make([]*job, 64)
	for i := range jobs {
		jobs[i] = &job{append: Append{Message: Message{States: make([]hub.Item, 3000)}}}
	}
	jobs[10].append.States = make([]hub.Item, 3*mostStates) // one shard is never divided
	carried := 0
	for calls := 0; len(jobs) > 0; calls++ {
		now, later := slice(jobs)
		states := 0
		for _, j := range now {
			states += len(j.append.States)
		}
		if len(now) == 0 || len(now) > 1 && states > mostStates {
			t.Fatalf("call %d carries %d shards with %d states", calls, len(now), states)
		}
		carried += len(now)
		jobs = later
	}
	if carried != 64 {
		t.Errorf("%d shards were carried", carried)
	}
}
