package fleet_test

import "time"

type kind struct {
	name string
	do   func(w *world) bool
}

var kinds = []kind{
	{"network of a process cut", func(w *world) bool {
		l := w.some().link
		if l.cut {
			w.mend(l)
			return false
		}
		l.cut = true
		l.reset()
		return true
	}},
	{"connections reset", func(w *world) bool { w.some().link.reset(); return true }},
	{"messages get lost for a while", func(w *world) bool {
		w.some().link.leaky = time.Now().Add(time.Duration(w.IntN(4000)) * time.Millisecond)
		return true
	}},
	{"calls get lost for a while", func(w *world) bool {
		w.some().link.bad = time.Now().Add(time.Duration(w.IntN(4000)) * time.Millisecond)
		return true
	}},
	{"calls take seconds for a while", func(w *world) bool {
		w.some().link.slow = time.Now().Add(time.Duration(w.IntN(3000)) * time.Millisecond)
		return true
	}},
	{"subscriptions gone deaf", func(w *world) bool {
		l := w.some().link
		for i := range l.subs {
			if i < 3 || w.chance(8) {
				l.subs[i].deaf = true
			}
		}
		return true
	}},
	{"Redis replica falls behind", func(w *world) bool { w.copied = w.master.clone(); return true }},
	{"fail-over that loses writes", func(w *world) bool {
		if w.copied == nil || w.old != nil {
			return false
		}
		w.become(w.copied)
		w.copied = nil
		return true
	}},
	{"two masters", func(w *world) bool {
		if w.old != nil {
			w.join()
			return false
		}
		w.split()
		return true
	}},
	{"Redis restarted empty", func(w *world) bool {
		w.become(&master{world: w, wants: map[string]board{}})
		w.copied = nil
		return true
	}},
	{"keys of a shard expired", func(w *world) bool {
		shard := w.IntN(3)
		w.master.shards[shard], w.damaged[shard] = keys{}, time.Now()
		return true
	}},
	{"a state evicted", func(w *world) bool {
		id := users[w.IntN(len(users))]
		_, found := w.master.shards[id.Shard()].states[id]
		delete(w.master.shards[id.Shard()].states, id)
		w.damaged[id.Shard()], w.master.shards[id.Shard()].hurt = time.Now(), true
		return found
	}},
	{"a state damaged", func(w *world) bool {
		id := users[w.IntN(len(users))]
		item, found := w.master.shards[id.Shard()].states[id]
		if item.Content = contents[w.IntN(len(contents))]; found {
			w.master.shards[id.Shard()].states[id] = item
			w.damaged[id.Shard()], w.master.shards[id.Shard()].hurt = time.Now(), true
		}
		return found
	}},
	{"configuration changed", func(w *world) bool {
		i := w.IntN(listed)
		w.unlisted[i] = !w.unlisted[i]
		w.moved[i] = true
		return true
	}},
	{"lease lost", func(w *world) bool { w.master.until = time.Time{}; return true }},
	{"process killed", func(w *world) bool {
		i := w.IntN(len(w.processes))
		p := w.processes[i]
		w.kill(p)
		w.processes[i] = w.start(p.name+"'", p.name[0] == 'p')
		return true
	}},
	{"process restarted", func(w *world) bool {
		i := w.IntN(len(w.processes))
		p := w.processes[i]
		p.over = true
		p.stop()
		w.processes[i] = w.start(p.name+"'", p.name[0] == 'p')
		return true
	}},
}

// fault has something go wrong. The world's lock is held.
func (w *world) fault() {
	k := kinds[w.IntN(len(kinds))]
	if k.do(w) {
		w.strike(k.name)
		w.note("%s", k.name)
	}
}

// reset breaks the connections of a process.
func (l *link) reset() {
	for shard := range l.subs {
		l.leave(shard)
	}
}

func (w *world) mend(l *link) {
	l.cut, l.bad = false, time.Now() // what was under way is lost
	w.note("network mended")
}

// become has another master take over from the majority's, and everyone there connect anew.
func (w *world) become(m *master) {
	was := w.master
	w.lives++
	m.life = w.lives
	w.master = m
	for _, p := range w.processes {
		if p.link.master == was {
			p.link.master = m
			p.link.reset()
		}
	}
}

// split leaves some processes with a master that the majority has given up.
func (w *world) split() {
	w.old, w.master = w.master, w.master.clone()
	if w.copied != nil {
		w.master, w.copied = w.copied, nil
	}
	w.old.isolated = true
	w.lives++
	w.master.life = w.lives
	for _, p := range w.processes {
		if w.chance(2) {
			p.link.master = w.master
			p.link.reset()
		}
	}
}

// join has the old master give way.
func (w *world) join() {
	if w.old == nil {
		return
	}
	for _, p := range w.processes {
		if p.link.master == w.old {
			p.link.master = w.master
			p.link.reset()
		}
	}
	w.old = nil
	w.note("one master again")
}

// kill ends a process without a word.
func (w *world) kill(p *process) {
	p.over, p.link.dead = true, true
	for i := range p.link.subs {
		p.link.subs[i].number++
		p.link.subs[i].here = false
	}
	p.stop()
}
