// Package presence is the domain: who a user is, what Graph said of them, and the one rule for what is newer.
//
// It does no I/O and reads no clock: whoever calls says when a question was asked and when it was answered.
// Everything in it is a value that may be copied, except Content, which is interned and compared by pointer.
//
// [Rule.Judge] is the only place that decides whether a reading changes what is held, and the only place that
// makes a [Version]. Everyone else compares versions. testdata/versions.json holds vectors for both, in a form
// that tests in other languages read too.
package presence
