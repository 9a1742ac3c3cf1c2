// Package credential signs in to Microsoft Entra with whatever the application was given, and keeps the access token for
// Graph fresh. An [Entra] is a [graph.Credential] for every kind but the token file, which is package graph's own.
//
// What is sent to Entra, and how, is azidentity's business, certified by Microsoft: flows, assertions, discovery,
// validation. What is ours is when: one sign-in at a time however many ask, a token renewed ahead of its end, failures
// that back off, files that are read again, claims challenges answered once. And what is told: an [Error] names in one line
// what is wrong, where, and what to do. It never holds a secret, an assertion or a token; neither does the log.
//
// A token stays in its cloud: [New] refuses a cloud, a scope, a login endpoint and a Graph endpoint that do not belong
// together, and a token made for another cloud's Graph is not given out. No redirect is followed with a secret.
//
// Tests run against internal/graphsim/authority over TLS, with the real azidentity.
package credential
