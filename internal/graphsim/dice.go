package graphsim

import "math"

// dice is splitmix64: small enough that each person and each day has its own,
// so nobody's life depends on how many others there are.
type dice uint64

// mix makes one well-spread number of several.
func mix(parts ...uint64) uint64 {
	d := dice(0x51afd7ed558ccd)
	for _, p := range parts {
		d ^= dice(p)
		d = dice(d.next())
	}
	return uint64(d)
}

func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// unit is above 0 and below 1.
func (d *dice) unit() float64 { return (float64(d.next()>>11) + 0.5) / (1 << 53) }

func (d *dice) chance(p float64) bool { return d.unit() < p }

func (d *dice) below(n int) int { return int(d.next() % uint64(n)) }

// wait is exponential with the given mean.
func (d *dice) wait(mean float64) float64 { return -mean * math.Log(d.unit()) }

func (d *dice) normal() float64 {
	return math.Sqrt(-2*math.Log(d.unit())) * math.Cos(2*math.Pi*d.unit())
}

func (d *dice) guid() guid {
	var g guid
	a, b := d.next(), d.next()
	for i := range 8 {
		g[i], g[8+i] = byte(a>>(8*i)), byte(b>>(8*i))
	}
	g[6] = g[6]&0x0f | 0x40
	g[8] = g[8]&0x3f | 0x80
	return g
}
