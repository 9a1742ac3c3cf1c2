//go:build race

package fleet_test

// With the race detector everything takes ten times as long.
func init() { usual = 40 }
