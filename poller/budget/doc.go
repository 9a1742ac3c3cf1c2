// Package budget says when a read may leave, so that no interval of the window ever holds more reads than Graph
// grants.
//
// Two things limit it. A pacer spreads reads evenly, more slowly for a while after a 429. The ring is the hard stop: of [Options].Requests a tenth is the
// reserve, the rest are places, and a place is free again only when the window has passed since the ANSWER to the
// read that held it. Two reads in one place therefore reach Graph a window apart, whatever the network does, and no
// window holds more reads than there are places.
//
// The reserve is for the time after a process died without a word, when nobody knows what it had spent: for one
// window only the reserve may be spent, each read of it recorded before it leaves, once, however often the process
// restarts. Places and reserve together are the limit.
//
// What this relies on: a read reaches Graph before its answer is here, or at the latest [Options].Grace after it
// was given up; and the record in [Options].Dir outlives the process. Retry-After of a 429 stops every read until
// it has passed, over restarts too.
//
// Nothing here starts a goroutine. To test against it, use the real one on a temporary folder within
// testing/synctest.
package budget
