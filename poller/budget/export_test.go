package budget

import "time"

// Machine is a computer whose clocks a test sets.
type Machine struct {
	Boot string
	Up   time.Time     // when it was booted
	Wall time.Duration // how wrong its wall clock is
}

// OpenOn is Open on m.
func OpenOn(m *Machine, o Options) (*Budget, error) {
	return open(o, clock{
		now:  func() time.Time { return time.Now().Add(m.Wall) },
		boot: func() (string, time.Duration) { return m.Boot, time.Since(m.Up) },
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
