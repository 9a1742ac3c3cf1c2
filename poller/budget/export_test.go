package budget

import "time"

// Machine is a computer whose clocks a test sets.
type Machine struct {
	Boot string
	Up   time.Time     // when it was booted
	Wall time.Duration // how wrong its wall clock is
	Time func() time.Time
}

func (m *Machine) time() time.Time {
	if m.Time != nil {
		return m.Time()
	}
	return time.Now()
}

// OpenOn is Open on m.
func OpenOn(m *Machine, o Options) (*Budget, error) {
	return open(o, clock{
		now:  func() time.Time { return m.time().Add(m.Wall) },
		boot: func() (string, time.Duration) { return m.Boot, m.time().Sub(m.Up) },
	})
}

// Crash ends the process that holds b, as a kill does: the lock goes, nothing is written.
func (b *Budget) Crash() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if b.file != nil {
		b.file.close()
	}
	b.file = nil
}

// ParseRecord is for fuzzing.
func ParseRecord(text []byte) error {
	_, err := parseRecord(text)
	return err
}

// Book is Reserve for one who does not wait: the wait is for how long no read may leave for certain.
func (b *Budget) Book() (*Spend, time.Duration, error) { return b.book() }

// Quicken gives back the full pace.
func (b *Budget) Quicken() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tempo = tempo{}
}
