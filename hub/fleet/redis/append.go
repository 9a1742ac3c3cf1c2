package redis

import (
	"context"
	"fmt"
	"strconv"

	goredis "github.com/redis/go-redis/v9"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/hub/fleet"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Append implements [fleet.Shards]. All appends travel at once, in a Cluster to each owner those of its shards.
func (s *Store) Append(ctx context.Context, fence fleet.Fence, appends []fleet.Append) []fleet.Answer {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	answers := make([]fleet.Answer, len(appends))
	calls := make([][]any, len(appends))
	all := make([]int, len(appends))
	for i := range appends {
		all[i], calls[i] = i, s.appendCall(fence, &appends[i])
	}
	unknown := s.appendAll(ctx, appendScript.Hash(), all, appends, calls, answers)
	if len(unknown) > 0 { // once after a start of Redis
		for _, i := range s.appendAll(ctx, appendScript.text, unknown, appends, calls, answers) {
			answers[i].Err = fmt.Errorf("redis: append to shard %d: no script", appends[i].Shard)
		}
	}
	return answers
}

// appendAll does those of the appends that which names, and returns those for which the script is not known. The script
// is a hash or, with a line's end in it, a text.
func (s *Store) appendAll(ctx context.Context, script string, which []int, appends []fleet.Append, calls [][]any, answers []fleet.Answer) (unknown []int) {
	made := make([]*goredis.Cmd, len(which))
	pipe := s.client.Pipeline()
	for n, i := range which {
		keys := s.keys.shards[appends[i].Shard].all
		if script == appendScript.Hash() {
			made[n] = pipe.EvalSha(ctx, script, keys, calls[i]...)
		} else {
			made[n] = pipe.Eval(ctx, script, keys, calls[i]...)
		}
	}
	_, _ = pipe.Exec(ctx) // each command has its own error
	for n, i := range which {
		said, err := made[n].StringSlice()
		if unknownScript(err) {
			unknown = append(unknown, i)
			continue
		}
		if answers[i], err = readAnswer(said, err); err != nil {
			answers[i] = fleet.Answer{Err: fmt.Errorf("redis: append to shard %d: %w", appends[i].Shard, s.troubled(ctx, err))}
		}
	}
	return unknown
}

var outcomes = map[string]fleet.Outcome{"done": fleet.Done, "foreign": fleet.Foreign, "fenced": fleet.Fenced}

func readAnswer(said []string, err error) (a fleet.Answer, _ error) {
	if err != nil {
		return a, err
	}
	if len(said) != 6 {
		return a, fmt.Errorf("an answer of %d parts", len(said))
	}
	outcome, known := outcomes[said[0]]
	if !known {
		return a, fmt.Errorf("the answer %.32q", said[0])
	}
	a.Outcome = outcome
	if a.Stands, err = readPosition(said[1:5]); err != nil {
		return a, err
	}
	a.Fence, err = strconv.ParseUint(said[5], 10, 64)
	return a, err
}

// appendCall is what append.lua is given.
func (s *Store) appendCall(fence fleet.Fence, a *fleet.Append) []any {
	m := &a.Message
	drops := len(m.Forgotten) + len(m.Lapsed)
	args := make([]any, 0, 32+drops+3*len(m.States))
	args = append(args, fence.Number, fence.Holder, a.Call)
	args = append(args, positionArgs(m.From)...)
	to := positionArgs(m.To)
	args = append(args, to[0], to[1], to[3], statusText(m.Status), hexadecimal(m.Directory), s.o.Expire.Milliseconds())
	publish := "PUBLISH"
	if s.cluster != nil {
		publish = "SPUBLISH"
	}
	args = append(args, publish, s.keys.shards[m.Shard].channel)
	payload, presences := s.encode(m, fence.Number)
	args = append(args, payload, drops)
	for _, dropped := range [][]presence.ID{m.Forgotten, m.Lapsed} {
		for _, id := range dropped {
			args = append(args, id.String())
		}
	}
	args = append(args, len(m.States))
	for i := range m.States {
		args = append(args, m.States[i].ID.String(), presences[i], m.States[i].ObservedAt.UnixMilli())
	}
	for _, c := range m.Confirmed {
		if len(c.Users) == 0 {
			continue
		}
		args = append(args, c.Asked.UnixMilli(), len(c.Users))
		for _, id := range c.Users {
			args = append(args, id.String())
		}
	}
	return args
}

func positionArgs(p fleet.Position) []any {
	return []any{hexadecimal(p.Epoch), strconv.FormatUint(p.Offset, 10), strconv.Itoa(p.Count), hexadecimal(p.Digest)}
}

// hexadecimal is how epochs, digests and hashes are written: 16 digits, and 0 for none, as is for what is missing.
func hexadecimal(n uint64) string {
	if n == 0 {
		return "0"
	}
	return fmt.Sprintf("%016x", n)
}

func readPosition(said []string) (p fleet.Position, err error) {
	if p.Epoch, err = strconv.ParseUint(said[0], 16, 64); err != nil {
		return p, err
	}
	if p.Offset, err = strconv.ParseUint(said[1], 10, 64); err != nil {
		return p, err
	}
	if p.Count, err = strconv.Atoi(said[2]); err != nil {
		return p, err
	}
	p.Digest, err = strconv.ParseUint(said[3], 16, 64)
	return p, err
}

// Load implements [fleet.Shards].
func (s *Store) Load(ctx context.Context, shard int, known fleet.Position) (*fleet.Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, loadLimit)
	defer cancel()
	answer, err := loadScript.run(ctx, s.client, s.keys.shards[shard].all, positionArgs(known)...)
	if err != nil {
		return nil, fmt.Errorf("redis: load shard %d: %w", shard, s.troubled(ctx, err))
	}
	snapshot, err := readSnapshot(answer)
	if err != nil {
		return nil, fmt.Errorf("redis: load shard %d: %w", shard, err)
	}
	return snapshot, nil
}

func readSnapshot(answer any) (*fleet.Snapshot, error) {
	parts, _ := answer.([]any)
	if len(parts) != 7 && len(parts) != 9 {
		return nil, fmt.Errorf("an answer of %d parts", len(parts))
	}
	said := make([]string, 7)
	for i := range said {
		said[i], _ = parts[i].(string)
	}
	snapshot := &fleet.Snapshot{Unchanged: len(parts) == 7}
	var err error
	if snapshot.Position, err = readPosition(said[:4]); err != nil {
		return nil, err
	}
	if snapshot.Fence, err = strconv.ParseUint(said[4], 10, 64); err != nil {
		return nil, err
	}
	if snapshot.Status, err = readStatus([]byte(said[5])); err != nil {
		return nil, err
	}
	if snapshot.Directory, err = strconv.ParseUint(said[6], 16, 64); err != nil || snapshot.Unchanged {
		return snapshot, err
	}
	presences, _ := parts[7].([]any)
	moments, _ := parts[8].([]any)
	snapshot.States, err = readStates(presences, moments)
	return snapshot, err
}

// readStates joins the two hashes of a shard. A moment that is missing leaves the one in the presence.
func readStates(presences, moments []any) ([]hub.Item, error) {
	seen := make(map[string]string, len(moments)/2)
	for i := 0; i+1 < len(moments); i += 2 {
		user, _ := moments[i].(string)
		seen[user], _ = moments[i+1].(string)
	}
	items := make([]hub.Item, 0, len(presences)/2)
	for i := 0; i+1 < len(presences); i += 2 {
		user, _ := presences[i].(string)
		text, _ := presences[i+1].(string)
		item, err := readPresence([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("the state of %.40q: %w", user, err)
		}
		if item.ID.String() != user {
			return nil, fmt.Errorf("the state of %.40q is somebody else's", user)
		}
		if ms, err := strconv.ParseInt(seen[user], 10, 64); err == nil {
			item.ObservedAt = laterOf(item.ObservedAt, ms)
		}
		items = append(items, item)
	}
	return items, nil
}
