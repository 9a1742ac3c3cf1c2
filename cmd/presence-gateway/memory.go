package main

import (
	"os"
	"runtime/debug"
)

// gcPercent is lower than Go's 100: a gateway's heap is nearly all live (states, lists, contents), so that half the
// slack costs little in collections and saves a quarter of the memory. What the environment says wins.
const gcPercent = 50

func boundMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}
