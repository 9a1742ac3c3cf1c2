// Package fleet makes one system of many processes, each with a [hub.Hub] of its own, over a [Store] that forgets: Redis.
//
// A delta's way:
//
//	reading ─► Term.Observe ─► hub.Judge ─► Store.Append ─► written and published, or refused
//	                              │              │ done
//	     the leader's own hub ◄───┼── hub.Apply ◄┘
//	                              │
//	     every other process      └─► Fleet.Heard ─► follows on? ─► hub.Apply ─► lists ─► clients
//	                                                     │ no
//	                                                     └─► load the shard, then what was heard meanwhile
//
// One process at a time polls, the leader: whoever holds the lease. Its hub is the truth; the store is how the truth
// travels, and where the next leader finds it. Nothing is merged there. Graph is the source, so a store that lost
// everything is filled again from the leader's hub, and no more is lost than time.
//
// What makes a promise of a store that loses messages silently and acknowledged writes at fail-over:
//
//   - Version rule: a hub holds a state only if its version is above the one it holds. [presence.Rule]
//   - Fence: where a term has written, no earlier one may. A refusal ends the term. [Fence]
//   - Expected position: an append names the position it starts from, and is refused anywhere else. Then the leader looks
//     what is there, sets it right, and begins a random epoch, so that offsets counted again are not taken for those
//     that were lost. [Position]
//   - Chain: a message leads from one position to the next. Who does not stand at its start has missed something, and loads.
//   - Subscribe before load: what is published while a shard is loaded is heard, and applied after it.
//   - Heartbeat: each shard is heard of each second. After 3 s of silence the subscription is presumed deaf and made
//     anew; after 5 s clients are told.
//   - Digest: every position names what the table comes to. Who comes to something else loads; what was loaded and does
//     not come to it is not believed. The leader reads one shard each second to see that it does.
//   - More than the truth: whoever holds a version above the leader's, because the store lost it after it was published,
//     says so, and the leader gives the state anew, above. [hub.Hub.Raise]
//
// Whom somebody watches, in whatever process, reaches the leader through what each process posts, see [Boards], and so
// does the directory everybody else. Locks: the term's turn, a shard's, then the hub's.
//
// To test against it, the real one needs nothing but a [Store].
package fleet
