package gateway

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// arriving is the body of a request, which has as long to arrive as a message of a WebSocket: what has come of it buys
// time for the rest. Without it, a body that drips would hold its request for all of the server's read timeout, an answer
// included that does not wait for the body.
type arriving struct {
	io.ReadCloser
	control *http.ResponseController
	began   time.Time
	came    int
	paid    int // of them, those that have bought time
}

// awaitBody bounds how long the body of r may take. A body in chunks is the last thing a connection says: had its request a
// length as well, which is not told here, whoever counted by that would have seen another request begin (RFC 9112, 6.1).
func awaitBody(w http.ResponseWriter, r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	if r.ProtoMajor == 1 && len(r.TransferEncoding) > 0 {
		w.Header().Set("Connection", "close")
	}
	a := &arriving{ReadCloser: r.Body, control: http.NewResponseController(w), began: time.Now()}
	a.extend()
	r.Body = a
}

func (a *arriving) extend() {
	a.paid = a.came
	_ = a.control.SetReadDeadline(a.began.Add(messageTime + time.Duration(a.came)*time.Second/slowestLine)) // a recorder cannot
}

func (a *arriving) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	if a.came += n; a.came-a.paid >= messageStep {
		a.extend()
	}
	return n, err // net/http forgets the deadline when all has come
}

// late reports whether a body was given up on.
func late(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
