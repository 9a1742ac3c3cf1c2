package credential

import (
	"context"
	"time"

	"go.uber.org/zap"
)

// lookEvery is how often Run looks at the files and at the clock.
const lookEvery = 500 * time.Millisecond

// Run keeps the token fresh until ctx ends: it reads files that changed, renews the token ahead of its end, and tries again
// after failures. It ends the sign-in that is under way, waits for it, and returns nil.
func (e *Entra) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	e.mu.Lock()
	e.running = true
	if e.audience.elsewhere != "" && e.o.Authority == "" {
		e.log.Warn("tokens made for Microsoft's Graph are sent to another host", zap.String("host", e.audience.elsewhere))
	}
	e.mu.Unlock()
	for ctx.Err() == nil {
		e.mu.Lock()
		e.load()
		e.mindCertificate(time.Now())
		if e.flight == nil && e.possible() && e.due(time.Now()) && !e.held() {
			e.takeOff()
		}
		e.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	e.mu.Lock()
	e.running = false
	if e.flight != nil {
		e.flight.cancel()
	}
	e.mu.Unlock()
	e.ended.Wait()
	return nil
}

// A certificate that ends within certificateAhead is spoken of once a day: another one needs an administrator.
const (
	certificateAhead  = 30 * 24 * time.Hour
	certificateSpoken = 24 * time.Hour
)

// mindCertificate warns ahead of the end of the certificate in force, unless another one is being tried. e.mu is held.
func (e *Entra) mindCertificate(now time.Time) {
	if e.proven == nil || e.proven.certificate.IsZero() || e.proposed != nil {
		return
	}
	left := e.proven.certificate.Sub(now)
	if left > certificateAhead || now.Sub(e.minded) < certificateSpoken {
		return
	}
	e.minded = now
	e.log.Warn("the client certificate ends soon: make another one, register it with the application, and put it there",
		zap.Time("ends", e.proven.certificate), zap.Int("days", int(left.Hours()/24)))
}
