package budget

import "time"

// clock is what tells the time: within the process, and across restarts.
type clock struct {
	now func() time.Time
	// boot names the machine's boot and says how long ago it was, sleep included; "" where the system does not tell.
	boot func() (id string, since time.Duration)
}

var systemClock = clock{now: time.Now, boot: boot}
