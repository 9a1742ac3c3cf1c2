package graphsim

// due is the next planned change of a person.
type due struct {
	at  int64
	who uint32
}

func (a due) before(b due) bool { return a.at < b.at || a.at == b.at && a.who < b.who }

// agenda is a binary heap of everybody's next change. Ties go by person, so
// that the order is the same every time.
type agenda []due

func (a agenda) heapify() {
	for i := len(a)/2 - 1; i >= 0; i-- {
		a.sink(i)
	}
}

// postpone replaces the first entry's time.
func (a agenda) postpone(at int64) {
	a[0].at = at
	a.sink(0)
}

func (a agenda) sink(i int) {
	for {
		c := 2*i + 1
		if c >= len(a) {
			return
		}
		if c+1 < len(a) && a[c+1].before(a[c]) {
			c++
		}
		if !a[c].before(a[i]) {
			return
		}
		a[i], a[c] = a[c], a[i]
		i = c
	}
}
