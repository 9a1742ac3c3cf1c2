package client

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Client is one subscriber of a gateway. [New] starts nothing: it connects while [Client.Events] is being consumed. All
// methods are safe for concurrent use.
type Client struct {
	url     string
	options Options
	wake    chan struct{} // holds one: the consumer has something to look at
	call    chan struct{} // holds one: the connection has something to say

	mu      sync.Mutex
	running bool
	table   table
	wants   wants
	clock   clock
	status  Status
	said    int           // changes of status
	heard   int           // of them, those the consumer was told
	pinged  map[int]*ping // not answered yet; nil: no connection
	outbox  [][]byte      // messages besides subscriptions
	refusal string        // the token that was refused last
	anew    bool          // the next connection is told no versions: what they show may be another
}

// New returns a client of the gateway at an address such as https://presence.example.com.
func New(address string, o Options) (*Client, error) {
	stream, err := streamURL(address)
	if err != nil {
		return nil, err
	}
	if o.APIKey != "" && o.Token != nil {
		return nil, errors.New("client: APIKey and Token are two ways to sign in: want one")
	}
	return &Client{
		url:     stream,
		options: o.withDefaults(),
		wake:    make(chan struct{}, 1),
		call:    make(chan struct{}, 1),
		table:   newTable(),
		wants:   newWants(),
		status:  Status{State: Connecting, Since: time.Now()},
		said:    1,
	}, nil
}

// Subscribe watches more. What is watched already stays as it is. It does not wait: states, and why there are none,
// come as events. What was denied is asked for again on the next connection.
func (c *Client) Subscribe(s Selection) {
	c.mu.Lock()
	c.wants.add(s)
	c.mu.Unlock()
	signal(c.call)
}

// Unsubscribe stops watching. A user is watched while named, in a subscribed group, or under Everyone; who is no longer
// watched is [Absent] with [Unwatched], once.
func (c *Client) Unsubscribe(s Selection) {
	c.mu.Lock()
	c.wants.remove(s)
	c.mu.Unlock()
	signal(c.call)
}

// Events connects, and yields what changes until ctx ends, the loop is left, or the gateway says that no attempt can
// succeed: then the last pair has the error, a [*CloseError]. When the loop ends, everything it started has ended.
//
// A consumer may take its time: what changes meanwhile is told once, as it stands when its turn comes. [Live] is told
// after the states that it vouches for, every other status before them.
//
// One loop at a time. A later loop goes on where the last one was left.
func (c *Client) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		c.mu.Lock()
		if c.running {
			c.mu.Unlock()
			yield(nil, ErrInUse)
			return
		}
		c.running = true
		c.mu.Unlock()
		defer func() {
			c.mu.Lock()
			c.running = false
			c.mu.Unlock()
		}()
		ctx, cancel := context.WithCancel(ctx)
		ended := make(chan error, 1)
		var running sync.WaitGroup
		running.Go(func() { ended <- c.run(ctx) })
		defer running.Wait()
		defer cancel()
		for {
			event, found := c.next()
			if found {
				if !yield(event, nil) {
					return
				}
				continue
			}
			select {
			case <-c.wake:
			case err := <-ended:
				for event, found := c.next(); found; event, found = c.next() {
					if !yield(event, nil) {
						return
					}
				}
				if err != nil {
					yield(nil, err)
				}
				return
			}
		}
	}
}

// next returns the next event for the consumer.
func (c *Client) next() (Event, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.status.State != Live {
		if s, due := c.statusDue(); due {
			return s, true
		}
	}
	return c.table.next(c.statusDue)
}

func (c *Client) statusDue() (Event, bool) {
	if c.heard == c.said {
		return nil, false
	}
	c.heard = c.said
	return c.status, true
}

// setStatus takes how things stand; c.mu is held.
func (c *Client) setStatus(s Status) {
	if s.Since.IsZero() {
		s.Since = time.Now()
		if c.status.State == s.State && c.status.Reason == s.Reason {
			s.Since = c.status.Since // attempts that fail in between do not make an outage younger
		}
	}
	c.said++
	if c.status = s; s.State == Live {
		c.table.push(slot{kind: ofStatus})
	}
	signal(c.wake)
}

// Status returns how things stand now.
func (c *Client) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// Get returns the state held of a user, however old it is. See [Client.Usable] before acting on it.
func (c *Client) Get(id string) (Presence, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.table.entries[normal(id)]
	if e == nil || e.presence == nil {
		return Presence{}, false
	}
	return *e.presence, true
}

// Usable returns the state of a user if it may be acted on: the gateway is live, and Graph confirmed the state no
// longer than `within` ago. The error is [ErrNotLive], [ErrNoState] or [ErrTooOld]; then do not act.
func (c *Client) Usable(id string, within time.Duration) (Presence, error) {
	id = normal(id)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.status.State != Live {
		return Presence{}, ErrNotLive
	}
	e := c.table.entries[id]
	if e == nil || e.presence == nil || e.link != c.table.link {
		return Presence{}, ErrNoState
	}
	if age, known := c.age(e); !known || age > within {
		return Presence{}, ErrTooOld
	}
	return *e.presence, nil
}

// Age returns how long ago, at most, Graph confirmed the state held of a user. It is not known while there is no
// connection, or no state.
func (c *Client) Age(id string) (age time.Duration, known bool) {
	id = normal(id)
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.table.entries[id]
	if e == nil || e.presence == nil {
		return 0, false
	}
	return c.age(e)
}

// age reckons by the gateway's clock; c.mu is held.
func (c *Client) age(e *entry) (time.Duration, bool) {
	now, known := c.clock.now()
	if !known {
		return 0, false
	}
	confirmed := e.confirmed
	if e.link == c.table.link && e.heard < c.clock.heard && confirmed.Before(c.clock.oldest) {
		confirmed = c.clock.oldest
	}
	return max(0, now.Sub(confirmed)), true
}

// run keeps a connection until ctx ends, or no attempt can succeed.
func (c *Client) run(ctx context.Context) error {
	c.mu.Lock()
	if c.status.State != Connecting {
		c.setStatus(Status{State: Connecting})
	}
	c.mu.Unlock()
	for failures := 0; ; failures++ {
		l := &link{client: c, log: c.options.Log}
		err := l.live(ctx)
		c.mu.Lock()
		c.clock = clock{}
		if ctx.Err() != nil {
			c.setStatus(Status{State: Connecting})
			c.mu.Unlock()
			return nil //nolint:nilerr // the consumer ended it, and knows
		}
		if final(err, c.options.Token != nil) {
			c.setStatus(Status{State: Down, Reason: reason(err), Err: err})
			c.mu.Unlock()
			return err
		}
		if l.held() >= c.options.Backoff.Held {
			failures = 0
		}
		wait := c.options.Backoff.delay(failures)
		if l.goodbye > 0 {
			wait = l.goodbye
		}
		c.setStatus(Status{State: Down, Reason: reason(err), Err: err, Retry: time.Now().Add(wait)})
		c.mu.Unlock()
		c.options.Log.Info("no connection", zap.String("reason", reason(err)), zap.Error(err), zap.Duration("retry", wait))
		select {
		case <-ctx.Done():
			return nil // Down, as it is
		case <-time.After(wait):
		}
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
