package graphapi

import "io"

// pageBytes is when what is composed goes out: a batch can hold thousands of presences with texts in them.
const pageBytes = 32 << 10

// page is an answer as it is composed.
type page struct {
	w   io.Writer
	buf []byte
}

func (p *page) text(s string) { p.buf = append(p.buf, s...) }

// spill hands on what has been composed once it is long.
func (p *page) spill() {
	if len(p.buf) >= pageBytes {
		p.end()
	}
}

// end hands on the rest. Whoever has gone misses it.
func (p *page) end() {
	_, _ = p.w.Write(p.buf)
	p.buf = p.buf[:0]
}
