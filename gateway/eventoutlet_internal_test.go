package gateway

import (
	"net/http"
	"testing"
	"time"
)

// response is one whose request may be over.
type response struct {
	http.ResponseWriter
	deadlines int
}

func (r *response) SetWriteDeadline(time.Time) error {
	r.deadlines++
	return nil
}

// net/http takes a response back when its handler returns; whoever ends the stream later must leave it alone.
func TestEventsLeaveAResponseThatIsOver(t *testing.T) {
	for _, over := range []bool{false, true} {
		r := &response{}
		out := newEventOutlet(http.NewResponseController(r), nil)
		if over {
			out.finish()
		}
		_ = out.Close()
		if touched := r.deadlines > 0; touched == over {
			t.Errorf("over %v: touched %v", over, touched)
		}
	}
}
