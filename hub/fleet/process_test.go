package fleet_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/hub/fleet"
	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller/budget"
)

// process is one gateway of the fleet, with its clients.
type process struct {
	world   *world
	name    string
	link    *link
	hub     *hub.Hub
	fleet   *fleet.Fleet
	before  *budget.Budget // of the last term here
	stop    context.CancelFunc
	ended   sync.WaitGroup
	reader  *hub.Reader
	clients []*client
	over    bool // it was told to end, or killed
	began   time.Time
	knew    time.Time // when it began, or led last
}

// client is a connection, and what it was told.
type client struct {
	sub   *hub.Subscription
	ids   []presence.ID
	held  map[presence.ID]hub.Item
	where string
}

// start begins a process. The world's lock is held.
func (w *world) start(name string, leads bool) *process {
	ctx, stop := context.WithCancel(context.Background())
	p := &process{world: w, name: name, stop: stop, began: time.Now(), knew: time.Now(), hub: hub.New(hub.Options{ResetAfter: 10 * time.Second})}
	p.link = &link{world: w, name: name, master: w.master, wake: make(chan struct{}, 1)}
	p.link.process = p
	o := fleet.Options{Name: name, OnDemand: w.onDemand, Expire: 8 * time.Second, Log: w.logger(name)}
	if leads {
		o.Lead = p.poll
		o.Figures = func() []byte { return []byte(name) }
	}
	var err error
	if p.fleet, err = fleet.New(p.hub, p.link, o); err != nil {
		w.Fatal(err)
	}
	p.fleet.Jitter(func(most time.Duration) time.Duration {
		return time.Duration(w.dice(name, "jitter", 0).below(int(most)))
	})
	p.reader = p.hub.NewReader()
	for i := range 2 {
		p.clients = append(p.clients, p.connect(fmt.Sprintf("%s client %d", name, i)))
	}
	p.ended.Go(func() {
		if err := p.fleet.Run(ctx); err != nil {
			w.mu.Lock()
			w.failf("%s: %v", name, err)
			w.mu.Unlock()
		}
	})
	p.ended.Go(func() { p.read(ctx) })
	p.ended.Go(func() { p.sample(ctx) })
	return p
}

func (p *process) connect(where string) *client {
	c := &client{where: where, sub: p.reader.Subscribe(nil), held: map[presence.ID]hub.Item{}}
	for _, id := range users {
		if p.world.chance(2) {
			c.ids = append(c.ids, id)
		}
	}
	var news hub.News
	for _, item := range c.sub.Add(c.ids, nil, &news) {
		p.world.told(c, item)
	}
	return c
}

// read takes what the hub has for the clients.
func (p *process) read(ctx context.Context) {
	var news hub.News
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.reader.Wake():
		}
		ready := p.reader.Ready(nil)
		p.world.mu.Lock()
		for _, sub := range ready {
			c := p.clients[slices.IndexFunc(p.clients, func(c *client) bool { return c.sub == sub })]
			news.Reset()
			sub.Drain(&news)
			for _, id := range news.Left {
				delete(c.held, id)
			}
			for _, item := range news.Items {
				p.world.told(c, item)
			}
		}
		p.world.mu.Unlock()
	}
}

// told checks what a client is told (P3). The world's lock is held.
func (w *world) told(c *client, item hub.Item) {
	if item.Pending() {
		return
	}
	if held, told := c.held[item.ID]; told && item.Version.Compare(held.Version) <= 0 {
		w.failf("P3: %s, user %d: %v after %v", c.where, index(item.ID), item.Version, held.Version)
	}
	key := item.ID.String() + item.Version.String()
	if content, known := w.meanings[key]; known && content != item.Content {
		w.failf("version %v of user %d stands for two states", item.Version, index(item.ID))
	}
	w.meanings[key] = item.Content
	c.held[item.ID] = item
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// sample looks whether the process is honest (P6).
func (p *process) sample(ctx context.Context) {
	for pause(ctx, 250*time.Millisecond) {
		p.world.mu.Lock()
		now, status := time.Now(), p.hub.Status()
		heard := now
		for i := range p.link.subs {
			if at := p.link.subs[i].heard; at.Before(heard) {
				heard = at
			}
		}
		if p.fleet.Leads() {
			p.knew = now // it says itself how its reads are
		}
		if heard.Before(p.knew) {
			heard = p.knew
		}
		silent := now.Sub(heard)
		if status.Live() && silent > 10*time.Second {
			p.world.failf("P6: %s has heard nothing of a shard for %v and says it is live", p.name, silent)
		}
		// On the reserve a read leaves every 5 s; the call that says that all is well may have taken 9, and then 5 s of silence
		// are nothing.
		if reads := p.world.tenant.reads; status.Live() && len(reads) > 0 && now.Sub(reads[len(reads)-1]) > 21*time.Second && now.Sub(p.began) > 6*time.Second {
			p.world.failf("P6: nobody has read for %v and %s says it is live", now.Sub(reads[len(reads)-1]), p.name)
		}
		p.world.mu.Unlock()
	}
}
