package redis

import (
	"fmt"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// keys are the names of what is in Redis. The part in braces decides the slot: a shard's keys and channel share one, and
// so do all that a term holds, and all wants.
type keys struct {
	shards [presence.Shards]shardKeys
	byName map[string]int // shards by their channel

	lease, fence, generation, budget, directory, figures string
	replicas                                             string // which replicas want something
	wants                                                string // of one replica, whose name follows
}

type shardKeys struct {
	all     []string // state, seen, meta
	channel string
}

func newKeys(prefix string) *keys {
	k := &keys{
		byName:     map[string]int{},
		lease:      prefix + ":{poller}:lease",
		fence:      prefix + ":{poller}:fence",
		generation: prefix + ":{poller}:generation",
		budget:     prefix + ":{poller}:budget",
		directory:  prefix + ":{poller}:directory",
		figures:    prefix + ":{poller}:figures",
		replicas:   prefix + ":{wants}:replicas",
		wants:      prefix + ":{wants}:of:",
	}
	for s := range k.shards {
		shard := fmt.Sprintf("%s:{s%02d}:", prefix, s)
		k.shards[s] = shardKeys{all: []string{shard + "state", shard + "seen", shard + "meta"}, channel: shard + "deltas"}
		k.byName[k.shards[s].channel] = s
	}
	return k
}
