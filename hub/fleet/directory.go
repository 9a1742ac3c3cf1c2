package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// directory is how the leader's directory comes to everybody: in parts, by the users' shards, of which those that
// changed are posted and fetched. Messages name the one that stands.
type directory struct {
	fleet  *Fleet
	wanted chan struct{} // one slot: another one stands than is known here

	mu       sync.Mutex
	manifest Manifest // of what is known here
	parts    [Parts]part
	ready    bool // the hub has one
}

// part is one shard's users in the directory. The last part has no users but the groups' names.
type part struct {
	Watched []presence.ID `json:"watched,omitempty"`
	Hidden  []presence.ID `json:"hidden,omitempty"`
	People  []person      `json:"people,omitempty"`
	Groups  []group       `json:"groups,omitempty"`
}

type person struct {
	ID         presence.ID `json:"id"`
	Name       string      `json:"displayName,omitempty"`
	Department string      `json:"department,omitempty"`
	JobTitle   string      `json:"jobTitle,omitempty"`
	Mail       string      `json:"mail,omitempty"`
}

type group struct {
	ID      presence.ID   `json:"id"`
	Name    string        `json:"displayName,omitempty"`
	Members []presence.ID `json:"members,omitempty"`
	Hidden  []presence.ID `json:"hidden,omitempty"`
}

func (d *directory) init(f *Fleet) { d.fleet, d.wanted = f, make(chan struct{}, 1) }

// loaded reports whether the hub knows who is watched.
func (d *directory) loaded() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ready
}

// describe takes the leader's.
func (d *directory) describe(described *presence.Directory) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ready = true
	d.fleet.hub.Describe(described)
}

// want has the directory fetched if it is not the one named.
func (d *directory) want(hash uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if hash != 0 && hash != d.manifest.hash() {
		notify(d.wanted)
	}
}

// follow fetches the directory whenever another one stands.
func (d *directory) follow(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-d.wanted:
		}
		if d.fleet.leading() == nil || !d.loaded() {
			if err := d.fetch(ctx); err != nil && ctx.Err() == nil {
				d.fleet.log.Warn("the directory cannot be fetched", zap.Error(err))
				notify(d.wanted)
			}
		}
		if !sleep(ctx, beatEvery/2) { // one change rarely comes alone
			return ctx.Err()
		}
	}
}

func (d *directory) fetch(ctx context.Context) error {
	call, cancel := context.WithTimeout(ctx, 10*callLimit)
	defer cancel()
	stands, err := d.fleet.store.Directory(call)
	if err != nil || stands == (Manifest{}) { // lost with everything else: it will be posted again
		return err
	}
	d.mu.Lock()
	changed := stands.differ(&d.manifest)
	d.mu.Unlock()
	blobs, err := d.fleet.store.DirectoryParts(call, changed)
	if err != nil {
		return err
	}
	fetched := make([]part, len(changed))
	for i, number := range changed {
		if digest(blobs[i]) != stands[number] {
			return errors.New("it changed meanwhile")
		}
		if err := parsePart(blobs[i], &fetched[i]); err != nil {
			return fmt.Errorf("part %d: %w", number, err)
		}
	}
	for !d.fleet.loaded() { // who is there, but without states, would look as if never read
		if !sleep(ctx, 50*time.Millisecond) {
			return ctx.Err()
		}
	}
	d.fleet.health.look() // who comes once this process is ready is to be told what is so
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fleet.leading() != nil && d.ready {
		return nil // the poller has described a newer one
	}
	for i, number := range changed {
		d.parts[number] = fetched[i]
	}
	d.manifest, d.ready = stands, true
	d.fleet.hub.Describe(join(&d.parts))
	return nil
}

// loaded reports whether every shard was current once.
func (f *Fleet) loaded() bool {
	for i := range f.shards {
		s := &f.shards[i]
		s.mu.Lock()
		loaded := s.loaded
		s.mu.Unlock()
		if !loaded {
			return false
		}
	}
	return true
}

const directoryLook = 2 * time.Second // how often the leader looks whether its directory stands

// postDirectory posts what the poller describes, for as long as the term lasts, and anew what was lost.
func (t *Term) postDirectory(ctx context.Context) error {
	d := &t.fleet.directory
	var b board
	if d.loaded() {
		notify(t.described)
	}
	tick := time.NewTicker(directoryLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			b.known = false
		case <-t.described:
			parts := split(t.fleet.hub.Directory())
			for i := range parts {
				b.set(i, appendPart(&parts[i], i == Parts-1))
			}
			d.mu.Lock()
			d.manifest, d.parts = b.now, *parts
			d.mu.Unlock()
		}
		if b.now == (Manifest{}) {
			continue // none was described yet
		}
		err := persist(ctx, carryLimit, func(ctx context.Context) error { return t.postBoard(ctx, &b) })
		if err != nil {
			return err
		}
		t.directory.Store(b.now.hash())
	}
}

// postBoard posts once. What stands is asked for where it is not known, so that the same is not written again.
func (t *Term) postBoard(ctx context.Context, b *board) (err error) {
	if !b.known {
		if b.was, err = t.fleet.store.Directory(ctx); err != nil {
			return err
		}
		b.known = true
	}
	p := b.post()
	if p.Now == p.Was {
		return nil
	}
	if err = t.fleet.store.PostDirectory(ctx, t.fence, p); err != nil {
		b.known = false
		return err
	}
	b.posted(p)
	return nil
}

// split cuts a directory into its parts. The same directory has the same parts always.
func split(d *presence.Directory) *[Parts]part {
	var parts [Parts]part
	for _, id := range d.All() {
		p := &parts[id.Shard()]
		p.Watched = append(p.Watched, id)
	}
	for _, id := range d.Hidden() {
		p := &parts[id.Shard()]
		p.Hidden = append(p.Hidden, id)
	}
	for one := range d.People() {
		p := &parts[one.ID.Shard()]
		p.People = append(p.People, person{one.ID, one.DisplayName, one.Department, one.JobTitle, one.Mail})
	}
	for _, g := range d.Groups() {
		names := &parts[Parts-1]
		names.Groups = append(names.Groups, group{ID: g.ID, Name: g.DisplayName})
		for _, id := range g.Members {
			in := parts[id.Shard()].group(g.ID)
			in.Members = append(in.Members, id)
		}
		for _, id := range g.Hidden {
			in := parts[id.Shard()].group(g.ID)
			in.Hidden = append(in.Hidden, id)
		}
	}
	for i := range parts {
		slices.SortFunc(parts[i].People, func(a, b person) int { return a.ID.Compare(b.ID) })
		for j := range parts[i].Groups {
			slices.SortFunc(parts[i].Groups[j].Members, presence.ID.Compare)
			slices.SortFunc(parts[i].Groups[j].Hidden, presence.ID.Compare)
		}
	}
	return &parts
}

// group returns what the part says of a group, which is the last one or none yet.
func (p *part) group(id presence.ID) *group {
	last := len(p.Groups) - 1
	if last < 0 || p.Groups[last].ID != id {
		p.Groups = append(p.Groups, group{ID: id})
		last++
	}
	return &p.Groups[last]
}

// join makes a directory of its parts.
func join(parts *[Parts]part) *presence.Directory {
	var watched, hidden []presence.ID
	var people []presence.Person
	groups := make([]presence.Group, len(parts[Parts-1].Groups))
	at := make(map[presence.ID]int, len(groups))
	for i, g := range parts[Parts-1].Groups {
		groups[i] = presence.Group{ID: g.ID, DisplayName: g.Name}
		at[g.ID] = i
	}
	for i := range parts[:Parts-1] {
		p := &parts[i]
		watched = append(watched, p.Watched...)
		hidden = append(hidden, p.Hidden...)
		for _, one := range p.People {
			people = append(people, presence.Person{ID: one.ID, DisplayName: one.Name, Department: one.Department, JobTitle: one.JobTitle, Mail: one.Mail})
		}
		for _, g := range p.Groups {
			if i, named := at[g.ID]; named {
				groups[i].Members = append(groups[i].Members, g.Members...)
				groups[i].Hidden = append(groups[i].Hidden, g.Hidden...)
			}
		}
	}
	return presence.NewDirectory(watched, people, groups).Hide(hidden)
}

// appendPart returns the part's bytes; none for an empty one but the last: a directory of nobody is not none.
func appendPart(p *part, last bool) []byte {
	if !last && len(p.Watched)+len(p.Hidden)+len(p.People)+len(p.Groups) == 0 {
		return nil
	}
	bytes, err := json.Marshal(p)
	if err != nil {
		panic(err) // ids and strings can be marshalled
	}
	return bytes
}

func parsePart(bytes []byte, p *part) error {
	if len(bytes) == 0 {
		return nil
	}
	return json.Unmarshal(bytes, p)
}
