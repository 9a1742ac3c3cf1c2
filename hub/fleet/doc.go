// Package fleet makes one system of many processes, each with its own [hub.Hub], over a [Store] that forgets: Redis.
package fleet
