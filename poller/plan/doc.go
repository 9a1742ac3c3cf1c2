// Package plan decides whom to ask next.
//
// Every watched user is asked once in an interval; the one due first is asked first, and every request is filled up
// with those due next, for ids are free and requests are not. Who was never read is asked at once, those who are
// watched before the others. Requests are spread evenly. A user is never in two requests at a time, and nobody is
// lost: whatever becomes of a request, its users come up again.
//
// Where the budget does not allow everyone each interval, those get more of it who are watched by more, who change
// more, as answers taught, and whose state is one that soon changes; but everyone is asked once in the time of five
// plain sweeps. What was learned is not kept: a new plan learns it anew.
//
// A request that Graph refuses whole (400, 404) is taken apart until the one bad id stands alone. That one is
// reported gone, and asked alone, seldom. Ids that no accepted request ever held are suspected first, and after a
// refusal they keep to themselves for a while, so that made-up ids cannot hold up others.
//
// The package is pure: it keeps no presences, reads no clock, starts nothing. A [Plan] is not safe for concurrent
// use. Times that are passed in must not go back.
package plan
