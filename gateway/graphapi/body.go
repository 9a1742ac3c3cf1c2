package graphapi

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
)

// MaxBody bounds a request, as it is sent and as it unpacks: twice what twenty reads of 650 ids take.
const MaxBody = 1 << 20

// readBody reads the body of r. The official SDK for Go sends its bodies compressed, and on some retries says so of one
// that is not: the body's own first bytes decide.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, *Error) {
	encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding")))
	if encoding != "" && encoding != "identity" && encoding != "gzip" {
		return nil, &Error{Status: http.StatusUnsupportedMediaType, Message: "Content-Encoding: want gzip, or none."}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err == nil && encoding == "gzip" && bytes.HasPrefix(body, []byte{0x1f, 0x8b}) {
		body, err = inflate(body)
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, &Error{Status: http.StatusRequestEntityTooLarge,
			Message: "The request has more than " + strconv.Itoa(MaxBody) + " bytes, unpacked."}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &Error{Status: http.StatusRequestTimeout, Message: "The body did not arrive in time."}
	case err != nil:
		return nil, badRequest("The body did not arrive whole, or is not what Content-Encoding says.")
	}
	return body, nil
}

// inflate unpacks no more than may be kept, however much there is.
func inflate(packed []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(z, MaxBody+1))
	if err == nil && len(plain) > MaxBody {
		err = &http.MaxBytesError{Limit: MaxBody}
	}
	return plain, err
}
