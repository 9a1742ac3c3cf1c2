// Package poller reads the presences of everyone who is watched, inside the budget, and hands them to a [Term].
//
// One goroutine decides: it waits until the plan wants a request, reserves it from the budget, and only then picks
// the users, so that they are those due first at the moment it leaves. Requests run beside it and come back to it;
// nothing else touches plan or term. A request is one attempt. What failed comes up again through the plan, so
// everyone is read again once reads succeed.
//
// A read is due when a user's interval has passed, or the last read of them failed; a request under way is due too.
// With a long interval and few users nobody would be due for minutes, and an outage would begin unseen. So when no
// request has left for 5 s, one leaves early, for those due first: what is promised of outages holds whatever the
// interval.
//
// When everything fails, one request at a time tries, at least every 10 s unless Graph asked for a longer pause.
// After reads have failed for 5 s the term is told why; it is told of the end only when everyone whose read was
// overdue has been read again (or a sweep has passed), so that live is never said of states that are older than
// they look.
//
// Presences are not kept here, nor compared: what a reading means is the term's to say. [Poller.Run] returns when all
// it started has ended. To test against the package, give it a Source that answers from a script, within
// testing/synctest.
package poller
