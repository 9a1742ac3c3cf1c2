package credential

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// testimony is what the last request of a sign-in came to. azidentity's errors differ by kind, and some lose the cause.
type testimony struct {
	asked      bool
	host       string
	status     int
	retryAfter time.Duration
	location   string
	oauth      string // OAuth's error code
	code       int    // Entra's
	text       string // Entra's first sentence, or what else the body says
	err        error  // no answer
}

type testimonyKey struct{}

// witness sees every request that azidentity sends, and lets none go where no secret may go.
type witness struct {
	audience audience
	kind     Kind
}

// strayError is a request that was not sent.
type strayError struct{ host string }

func (s *strayError) Error() string {
	return fmt.Sprintf("the login endpoint's metadata point to %.128q, where nothing is sent", s.host)
}

// NonRetriable is azcore's mark of an error that another attempt would not mend.
func (*strayError) NonRetriable() {}

// Do is azcore's policy.
func (w *witness) Do(r *policy.Request) (*http.Response, error) {
	t, _ := r.Raw().Context().Value(testimonyKey{}).(*testimony)
	if t == nil {
		t = &testimony{}
	}
	*t = testimony{asked: true, host: r.Raw().URL.Host}
	switch w.kind {
	case ClientSecret, ClientCertificate, WorkloadIdentity, DeviceCode:
		if !w.audience.allows(r.Raw().URL) {
			t.err = &strayError{r.Raw().URL.Host}
			return nil, t.err
		}
	}
	response, err := r.Next()
	if err != nil {
		t.err = err
		return nil, err
	}
	t.status = response.StatusCode
	if response.StatusCode < 300 {
		return response, nil
	}
	t.retryAfter = retryAfter(response.Header)
	if location, err := response.Location(); err == nil {
		t.location = location.Host
	}
	body, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10)) // one that breaks off says what it says
	response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(body))
	t.read(body)
	return response, nil
}

// read takes from a refusal's body what it is. A body that is not Entra's is left alone.
func (t *testimony) read(body []byte) {
	var refusal struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Codes       []int  `json:"error_codes"`
		Message     string `json:"message"` // a managed identity's endpoint
	}
	if json.Unmarshal(body, &refusal) != nil {
		return
	}
	t.oauth = conceal(refusal.Error, 64)
	if len(refusal.Codes) > 0 {
		t.code = refusal.Codes[0]
	}
	text := refusal.Description
	if rest, ok := strings.CutPrefix(text, "AADSTS"); ok {
		number, words, _ := strings.Cut(rest, ":")
		if code, err := strconv.Atoi(number); err == nil {
			text = words
			if t.code == 0 {
				t.code = code
			}
		}
	}
	text, _, _ = strings.Cut(text, "Trace ID:")
	if text == "" {
		text = refusal.Message
	}
	t.text = text // concealed where it is used, by who knows the secrets
}

// retryAfter reads a pause in seconds or as a date, an hour at most.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	d := time.Duration(0)
	if seconds, err := strconv.Atoi(text); err == nil {
		d = time.Duration(min(seconds, 3600)) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		d = time.Until(at)
	}
	return max(0, min(d, time.Hour))
}

func watched(ctx context.Context, t *testimony) context.Context {
	return context.WithValue(ctx, testimonyKey{}, t)
}
