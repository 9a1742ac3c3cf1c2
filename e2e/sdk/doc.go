// Package sdk is the proof that Microsoft's own SDKs for Graph read presences from the gateway, unchanged but for base URL and
// token scope. It is a module of its own, because building the SDK for Go takes minutes and gigabytes: the gateway pays
// nothing for it.
package sdk
