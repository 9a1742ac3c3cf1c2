// Package graph reads presences, group members and people from Microsoft Graph.
//
// It promises that one call of [Client.Read] is at most one request: nothing below it repeats one, not even
// net/http on a connection that died (see [Client.Read]), so that whoever counts calls counts requests. A token
// is sent to the configured host alone: no redirect is followed, nor a link to the next page that leads elsewhere.
// An answer is held in memory only up to a bound, rows that nobody asked for end here, and so does every property
// outside the allow-list of [Options].Fields.
//
// It does not retry, wait, count or decide what is newer; that is the poller's. What went wrong is an [*Error]
// that carries what a decision needs: status, Retry-After, whether an answer arrived at all.
//
// To test against it, point [Options].BaseURL at any HTTP server on a loopback address.
package graph
