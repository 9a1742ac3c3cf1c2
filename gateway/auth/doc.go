// Package auth says who calls: it turns what a caller presents (an access token, an API key, a ticket, or nothing) into a
// [Principal], or refuses it with a [Refusal] that names the remedy. What a principal may see is not its business.
//
// Tokens are judged by the issuer's published keys, which are fetched by [Verifier.Run] alone: no request of a caller can
// make it fetch more than once in half a minute, and no token whose key is known waits for the network. API keys are kept as
// hashes in a file that is read again when it changes. Tickets live in the memory of the process that issued them.
//
// Nothing that is presented is ever part of an error, a log entry or a formatted value.
package auth
