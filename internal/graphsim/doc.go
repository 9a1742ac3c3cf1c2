// Package graphsim is a simulated Microsoft Graph tenant: an http.Handler that
// answers as Graph does, as far as that is documented, and counts every
// presence read exactly.
//
// It shares no code with the gateway, so that a misunderstanding there cannot
// hide here. It promises Graph's paths, shapes, limits, headers and error
// bodies for the calls below; a sliding window in which every presence read
// counts at its arrival, refused and useless ones included; people whose day
// depends on the seed alone; and sequence numbers that rise as strings. It does
// not promise change notifications, delta queries, throttling of directory
// calls, or $select on presence (ignored).
//
// # Graph
//
//	GET  /v1.0/me/presence
//	GET  /v1.0/users/{id}/presence
//	GET  /v1.0/communications/presences/{id}
//	POST /v1.0/communications/getPresencesByUserId    at most 650 ids; gzip accepted
//	POST /v1.0/$batch                                 at most 20; each counts
//	GET  /v1.0/users, /v1.0/users/{id or principal name}
//	GET  /v1.0/groups, /v1.0/groups/{id}
//	GET  /v1.0/groups/{id}/members, /v1.0/groups/{id}/transitiveMembers, each also with /microsoft.graph.user
//	POST /{tenant}/oauth2/v2.0/token                  client credentials: a secret or an assertion
//	GET  /{tenant}/v2.0/.well-known/openid-configuration
//
// Lists take $select, $top (1 to 999, 100 by default), $count and $filter with
// eq, in and startswith joined by or. A cast to users needs $count=true and
// ConsistencyLevel: eventual.
//
// What nobody documents was decided so, and most of it is a switch: an unknown
// user is left out of lists and alone answers 404; a malformed id is 400; a
// duplicate counts once; an empty list is 400; a property without value is
// null; single reads name their @odata.context.
//
// # Control
//
// Errors here are {"error":"..."}, naming what is wrong. Pages of other sites
// are refused.
//
//	PUT    /sim/users/{id}/presence   set by hand: availability, activity (availability alone sets both), outOfOffice,
//	                                  outOfOfficeMessage or outOfOfficeSettings, statusMessage (a text or Graph's shape),
//	                                  workLocation, sequenceNumber (A and ten digits), keepNumber (true: content changes
//	                                  under an equal number), pinSeconds (600). What is left out stays, null clears.
//	GET    /sim/users/{id}/presence   the truth, in Graph's shape, and changedAt in real time; so is PUT's answer
//	DELETE /sim/users/{id}/presence   back to where the day has them
//	GET    /sim/users                 people with the truth: ?top=100&skip=0&search=text; nextSkip while there are more
//	GET    /sim/truth                 everybody at one instant, NDJSON; header X-Change is the number of the latest change
//	GET    /sim/changes               ?after=N&top=10000: later changes, oldest first, with last (the next after) and lost;
//	                                  the latest 65,536 are kept
//	PUT    /sim/groups/{id}/members/{user}, DELETE   membership; DELETE also takes out of nested groups
//	GET    /sim/stats                 see Stats
//	PUT    /sim/faults                replaces all switches; PATCH changes those it names, null is off; DELETE; GET
//	POST   /sim/reset                 all faults off, statistics zeroed, the counted window and pauses forgotten, pins
//	                                  released; with {"sequences":true} all numbers start again lower, with {"seed":7}
//	                                  other people begin another day
//
// # Faults
//
// The value of a switch is an object; true is {}, false and null are off, and a
// bare number, text or list stands for the member named first below. Where
// "when" is listed, these members say which requests are struck: share
// (probability; 0 is off), count (then it switches itself off), seconds (the
// same), kinds (of me, users, communications, batch, directory, token; without
// it presence reads). A share of rows (missing, unknown, split) is rolled for
// each row, ids are always struck.
//
//	latency        ms, jitterMs, when: the answer comes so much later
//	reset          share, when: the connection is reset before the answer
//	cut            share, after, when: the connection closes after so many bytes of the body, or half
//	status         status (503), retryAfter in seconds, when; 429 announces 10 s if nothing else is said
//	html           status (503), when: a proxy's page instead of JSON
//	retryAfter     form (seconds, date, absent), seconds: how every pause is announced
//	limit          requests: another limit a window
//	count          by (ids, requests): what the limit is for; by ids a batch spends as many as it names
//	unauthorized   share, claims (a claims challenge), when: 401
//	forbidden      share, when: 403
//	malformed      form (truncated, garbage, empty, null, types, utf8), when: 200 with a spoiled body
//	oversize       bytes (64 MiB), when: valid JSON, padded
//	gzip           share, when: compressed for those who accept it
//	wrongEntity    share, when: a user where a presence should be
//	wrapped        share, when: {"value":[...]} from /communications/presences/{id}
//	innerError     spelling (innererror, innerError), when
//	lag            ms (3000; at most 60000), when: a replica that is behind, lower numbers included
//	split          share, ids, kinds: a replica with the content before the latest, under the latest number
//	missing        share, ids, kinds: rows left out; alone 404
//	unknown        share, ids, kinds: PresenceUnknown rows
//	poison         ids, status (400, 404): every read that names one fails
//	shuffle        share, when: rows in any order
//	foreign        rows (1), when: rows nobody asked for
//	extra          share, when: properties nobody published
//	lowerCamel     share, when: available instead of Available
//	sparse         share, when: properties that are null are left out
//	noContext      share, when: no @odata.context
//	omit           properties, when: these are left out
//	noSequence     share, when: no sequenceNumber
//	government     share, when: availability, activity and statusMessage alone, as in US Government clouds
//	ids            malformed (400, omit, unknown), duplicate (once, repeat, 400), unknown (omit, unknown, 404), empty (400, ok)
//	sequenceReset  all numbers start again lower, once, when it is switched on
//	frozenNumber   share: so many changes keep the user's number
//	restamp        perSecond: numbers rise while the state stays
//	emptyPages     share, when (directory): a first page that is empty but not the last
//	bareMembers    share, when (directory): members show their id alone, as without rights to read users
//
// In a $batch, faults of the connection (latency, reset, cut, html, malformed,
// oversize, gzip) strike the whole, the others each part.
//
// # Testing against it
//
// Serve Handler with httptest, or call it directly inside a synctest bubble:
// it reads no clock but time.Now and starts no goroutine. Run lives the day.
package graphsim
