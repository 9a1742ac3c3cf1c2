// Package graphapi answers reads of presence as Microsoft Graph does, so that programs written for Graph and its SDKs can be
// pointed here by base URL and token scope alone. It knows Graph's paths, shapes, limits and errors, and nothing of who
// may see whom or where states come from: that is its [Source].
//
// What Graph documents it follows: presence-get, cloudcommunications-getpresencesbyuserid, json-batching and errors in
// learn.microsoft.com/graph. Where Graph documents nothing it does what was seen on the wire, or refuses clearly.
package graphapi
