package fleet_test

import "time"

// dice is chance that depends on nothing but who asks for what and when, so that a seed goes the same way again however
// goroutines take turns.
type dice uint64

func (w *world) dice(who, what string, which int) *dice {
	hash := (w.seed ^ 14695981039346656037) * 1099511628211
	for i := 0; i < len(who); i++ {
		hash = (hash ^ uint64(who[i])) * 1099511628211
	}
	for i := 0; i < len(what); i++ {
		hash = (hash ^ uint64(what[i])) * 1099511628211
	}
	hash = (hash ^ uint64(which)) * 1099511628211
	hash = (hash ^ uint64(time.Now().UnixNano())) * 1099511628211
	d := dice(hash)
	return &d
}

// below returns a number below n.
func (d *dice) below(n int) int { // "splitmix64"
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return int((z ^ z>>31) % uint64(n))
}

func (d *dice) one(n int) bool { return d.below(n) == 0 }

func (d *dice) delay() time.Duration { return time.Duration(d.below(6_000_000)) }
