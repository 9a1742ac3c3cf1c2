// Package client is the Go client of a Presence Gateway, for services that act on presence.
//
//	c, err := client.New("https://presence.example.com", client.Options{APIKey: key})
//	...
//	c.Subscribe(client.Selection{Users: []string{"fa8bf3dc-eca7-46b7-bad1-db199b62afc3"}})
//	for event, err := range c.Events(ctx) {
//		...
//	}
//
// What it promises:
//
//   - It comes back by itself: with back-off and full jitter, no sooner than the gateway's goodbye asks, and not at all
//     after a close that says the same attempt cannot succeed later (1009, 4400, 4403). After 4401 it connects with
//     another token or not at all.
//   - It resumes: a new connection is told the versions held, so that only what changed is sent again.
//   - Nothing is lost finally, however slow the consumer is. A consumer who lags sees fewer, newer states. The memory it
//     takes is bounded by the users it watches, not by how often they change.
//   - Within a connection no state goes back to an earlier version.
//   - It knows when it does not know: silence of 2.5 heartbeats is an outage, ages are reckoned by the gateway's clock,
//     and the doubt of the network's delay counts against freshness, never for it.
//
// # Before acting on a state
//
// Route a call, open a door or send a notice only on a state that is live and young enough for the purpose, else do
// not, and fall back to what the service would do without presence. [Client.Usable] is that rule.
//
// To test a service against it, run `presence-gateway demo`, whose people change presence all day, or
// `presence-gateway simulate` with a gateway in front to decide what they do.
package client
