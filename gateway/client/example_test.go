package client_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"sync"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/client"
	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// gatewayWithAnna is a gateway in this process that knows one user, who is in a call.
func gatewayWithAnna() (address string, stop func()) {
	anna, _ := presence.ParseID("fa8bf3dc-eca7-46b7-bad1-db199b62afc3")
	h := hub.New(hub.Options{})
	h.Describe(presence.NewDirectory([]presence.ID{anna}, nil, nil))
	busy := presence.Intern(presence.Facts{Availability: "Busy", Activity: "InACall"}, 0)
	now := time.Now()
	if _, err := h.Observe(context.Background(), []presence.Reading{{ID: anna, Content: busy, Sequence: "A1", Asked: now, Answered: now}}); err != nil {
		log.Fatal(err)
	}
	server, err := gateway.New(h, gateway.Options{Anonymous: true, Drain: time.Second,
		Policy: []gateway.Rule{{Who: gateway.Who{Anonymous: true}, Allow: gateway.Allow{All: true}}}})
	if err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = server.Run(ctx) })
	running.Go(func() { _ = server.Serve(ctx, l) })
	return "http://" + l.Addr().String(), func() { cancel(); running.Wait() }
}

func ExampleClient_Events() {
	address, stop := gatewayWithAnna()
	defer stop()

	c, err := client.New(address, client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	c.Subscribe(client.Selection{Users: []string{"fa8bf3dc-eca7-46b7-bad1-db199b62afc3"}})
	for event, err := range c.Events(context.Background()) {
		if err != nil {
			log.Fatal(err) // no attempt can succeed: a person must look at it
		}
		switch e := event.(type) {
		case client.Changed:
			fmt.Println(e.Presence.ID, e.Presence.Availability, e.Presence.Activity)
		case client.Absent:
			fmt.Println(e.ID, "is", e.Why) // unknown, not offline
		case client.Status:
			fmt.Println(e.State)
			if e.State == client.Live {
				return // everything was told; a service would go on
			}
		}
	}
	// Output:
	// connecting
	// fa8bf3dc-eca7-46b7-bad1-db199b62afc3 Busy InACall
	// live
}

// A service routes a call to a person only if it knows that they are free: live, and confirmed within its limit.
// Whatever it does not know is not "free", and not "busy" either: it does what it would do without presence.
func ExampleClient_Usable() {
	address, stop := gatewayWithAnna()
	defer stop()
	c, err := client.New(address, client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	route := func(id string) string {
		p, err := c.Usable(id, 30*time.Second)
		switch {
		case err != nil:
			return "ring, as always"
		case p.Availability == client.Available:
			return "ring"
		default:
			return "voice mail"
		}
	}

	const anna = "fa8bf3dc-eca7-46b7-bad1-db199b62afc3"
	fmt.Println(route(anna))
	c.Subscribe(client.Selection{Users: []string{anna}})
	for event, err := range c.Events(context.Background()) { // a service does this in a goroutine of its own
		if err != nil {
			log.Fatal(err)
		}
		if s, ok := event.(client.Status); ok && s.State == client.Live {
			fmt.Println(route(anna))
			break
		}
	}
	fmt.Println(route(anna))
	// Output:
	// ring, as always
	// voice mail
	// ring, as always
}

// Tokens that end come from a source, such as azidentity's credentials. It is asked again ahead of their end.
func ExampleOptions() {
	tokenFromEntra := func(ctx context.Context) (string, error) { return "eyJ...", nil }

	c, err := client.New("https://presence.example.com", client.Options{Token: tokenFromEntra})
	if err != nil {
		log.Fatal(err)
	}
	c.Subscribe(client.Selection{Everyone: true})
	fmt.Println(c.Status().State)
	// Output: connecting
}
