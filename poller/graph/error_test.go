package graph_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller/graph"
)

func TestAnswersThatAreNoPresence(t *testing.T) {
	entity := fixture(t, "single.json")
	batch := fixture(t, "batch.json")
	for _, tc := range []struct {
		name, body, says string
		kind             graph.Kind
		header           http.Header
		maxBytes         int64
	}{
		{name: "user object on /me", kind: graph.Me, body: `{"id":"` + anna.String() + `","displayName":"Anna"}`, says: "no presence"},
		{name: "someone else on /me", kind: graph.Me, body: strings.Replace(entity, anna.String(), bert.String(), 1), says: "another user"},
		{name: "no id", kind: graph.Users, body: `{"availability":"Busy","activity":"Busy"}`, says: "no user id"},
		{name: "availability is a number", kind: graph.Users, body: `{"id":"` + anna.String() + `","availability":1}`, says: "no presence"},
		{name: "empty object", kind: graph.Users, body: `{}`, says: "no presence"},
		{name: "error object with status 200", kind: graph.Users, body: fixture(t, "throttled.json"), says: "no presence"},
		{name: "entity for a batch", body: entity, says: "no list"},
		{name: "list is null", body: `{"value":null}`, says: "no list"},
		{name: "no row is a presence", body: `{"value":[{"id":"` + anna.String() + `","displayName":"Anna"},7]}`, says: "no value in its list"},
		{name: "array", body: `[` + entity + `]`, says: "array"},
		{name: "null", body: `null`, says: "want {"},
		{name: "truncated", body: batch[:len(batch)/2], says: "breaks off"},
		{name: "trailing", body: batch + "}", says: "follows"},
		{name: "two documents", body: entity + entity, kind: graph.Users, says: "follows"},
		{name: "malformed in what is skipped", body: `{"x":[01],"value":[]}`, says: "want a comma"},
		{name: "control character", body: "{\"value\":[],\"x\":\"\n\"}", says: "control character"},
		{name: "nested without end", body: `{"x":` + strings.Repeat("[", 1<<20), says: "too deeply"},
		{name: "empty", body: "", says: "empty"},
		{name: "space", body: "  \n", says: "breaks off"},
		{name: "HTML", body: "<html>Sign in to the WiFi</html>", header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, says: "text/html"},
		{name: "HTML that says it is JSON", body: "<html></html>", says: "no JSON at byte 0"},
		{name: "JSON that says it is text", body: batch, header: http.Header{"Content-Type": {"text/plain"}}, says: "text/plain"},
		{name: "encoding nobody asked for", body: batch, header: http.Header{"Content-Encoding": {"br"}}, says: `"br"`},
		{name: "broken gzip", body: "\x1f\x8b\x08", header: http.Header{"Content-Encoding": {"gzip"}}, says: "broke off"},
		{name: "cut", body: batch, header: http.Header{"Content-Length": {"100000"}}, says: "broke off"},
		{name: "too large", body: batch, maxBytes: int64(len(batch)) - 1, says: "larger than"},
		{name: "too large once decompressed", body: string(gzipped(t, []byte(`{"value":[]`+strings.Repeat(" ", 1<<20)+`}`))), header: http.Header{"Content-Encoding": {"gzip"}}, maxBytes: 1 << 20, says: "larger than"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			client := connect(t, graph.Options{Kind: tc.kind, MaxAnswerBytes: tc.maxBytes}, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("request-id", "graph-1")
				for name, values := range tc.header {
					w.Header()[name] = values
				}
				io.WriteString(w, tc.body)
			})
			answer, err := client.Read(t.Context(), []presence.ID{anna})
			failure := asError(t, err)
			if answer != nil || !failure.Answered || failure.Status != 200 || failure.Err == nil || failure.RequestID != "graph-1" || failure.ClientRequestID == "" {
				t.Errorf("got %+v, %+v", answer, failure)
			}
			if !strings.Contains(err.Error(), tc.says) || !strings.HasPrefix(err.Error(), "graph: read presences: ") || strings.Contains(err.Error(), "Busy") {
				t.Errorf("got %q, want it to say %q", err, tc.says)
			}
		})
	}
}

func TestLargestAnswerFits(t *testing.T) {
	body := fixture(t, "batch.json")
	client := connect(t, graph.Options{MaxAnswerBytes: int64(len(body))}, saying(http.StatusOK, body))
	if _, err := client.Read(t.Context(), []presence.ID{anna}); err != nil {
		t.Error(err)
	}
}

// TestEndlessAnswersEnd long before the time is up.
func TestEndlessAnswersEnd(t *testing.T) {
	for _, status := range []int{200, 500} {
		client := connect(t, graph.Options{MaxAnswerBytes: 1 << 20, Timeout: 20 * time.Second}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			for line := []byte(strings.Repeat(" ", 1000)); ; {
				if _, err := w.Write(line); err != nil {
					return
				}
			}
		})
		start := time.Now()
		_, err := client.Read(t.Context(), []presence.ID{anna})
		if failure := asError(t, err); failure.Status != status || errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 10*time.Second {
			t.Errorf("%d: after %v: %v", status, time.Since(start), err)
		}
	}
}

func TestRefusals(t *testing.T) {
	json := http.Header{"Content-Type": {"application/json"}}
	for _, tc := range []struct {
		name   string
		status int
		header http.Header
		body   string
		want   graph.Error
	}{
		{"throttled", 429, http.Header{"Retry-After": {"10"}}, fixture(t, "throttled.json"), graph.Error{
			Code: "TooManyRequests", Message: "Please retry again later.", RequestID: "94fb3b52-452a-4535-a601-69e0a90e3aa2", RetryAfter: 10 * time.Second, RetryAfterSet: true}},
		{"throttled without a header", 429, json, fixture(t, "throttled.json"), graph.Error{
			Code: "TooManyRequests", Message: "Please retry again later.", RequestID: "94fb3b52-452a-4535-a601-69e0a90e3aa2"}},
		{"nested innererror, empty code", 401, json, fixture(t, "unauthorized.json"), graph.Error{
			Code: "Unauthorized", Message: "Unauthorized", RequestID: "b4d9b0c1-74f2-4fd0-9f3c-0a4a36a1e2b7"}},
		{"header before body", 401, http.Header{"Request-Id": {"graph-1"}}, fixture(t, "unauthorized.json"), graph.Error{
			Code: "Unauthorized", Message: "Unauthorized", RequestID: "graph-1"}},
		{"challenged", 401, http.Header{"Www-Authenticate": {`Bearer realm="", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="`}}, "", graph.Error{
			Claims: `{"access_token":{}}`}},
		{"challenged, but not to sign in", 403, http.Header{"Www-Authenticate": {`Bearer realm="", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="`}}, "", graph.Error{}},
		{"unavailable with a date", 503, http.Header{"Retry-After": {"Sat, 31 Jan 2026 09:30:20 GMT"}, "Date": {"Sat, 31 Jan 2026 09:30:00 GMT"}}, "", graph.Error{
			RetryAfter: 20 * time.Second, RetryAfterSet: true}},
		{"bare 400", 400, nil, "", graph.Error{}},
		{"a proxy's page", 502, http.Header{"Content-Type": {"text/html"}}, "<html>oops</html>", graph.Error{}},
		{"cut body", 500, http.Header{"Content-Length": {"1000"}}, `{"error":`, graph.Error{}},
		{"error is a text", 400, json, `{"error":"invalid_request"}`, graph.Error{}},
		{"code is a number", 400, json, `{"error":{"code":7,"message":"seven"}}`, graph.Error{Message: "seven"}},
		{"body without end", 500, json, `{"error":{"message":"` + strings.Repeat("x", 1<<20), graph.Error{}},
		{"unprintable", 400, json, `{"error":{"code":"a\u0000\nb","message":"\u001b[31mred\u2028"}}`, graph.Error{Code: "a  b", Message: "[31mred"}},
		{"token repeated", 401, json, `{"error":{"code":"x","message":"bad token ` + token + `"}}`, graph.Error{Code: "x", Message: "bad token [redacted]"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			client := connect(t, graph.Options{}, func(w http.ResponseWriter, _ *http.Request) {
				for name, values := range tc.header {
					w.Header()[name] = values
				}
				w.WriteHeader(tc.status)
				io.WriteString(w, tc.body)
			})
			_, err := client.Read(t.Context(), []presence.ID{anna})
			got := *asError(t, err)
			if got.ClientRequestID == "" {
				t.Error("no client request id")
			}
			tc.want.Op, tc.want.Status, tc.want.Answered, tc.want.ClientRequestID = "read presences", tc.status, true, got.ClientRequestID
			if got != tc.want {
				t.Errorf("got  %+v\nwant %+v", got, tc.want)
			}
		})
	}
}

func TestErrorTextIsBounded(t *testing.T) {
	client := connect(t, graph.Options{}, saying(400, `{"error":{"code":"`+strings.Repeat("c", 5000)+`","message":"`+strings.Repeat("ü", 5000)+token+`"}}`))
	_, err := client.Read(t.Context(), []presence.ID{anna})
	if n := len(err.Error()); n > 800 || strings.Contains(err.Error(), "\ufffd") {
		t.Errorf("%d bytes: %q", n, err)
	}
}

func TestErrorText(t *testing.T) {
	for want, err := range map[string]*graph.Error{
		"graph: read presences: 429 Too Many Requests: TooManyRequests: Please retry again later. (retry after 10s) (request r1)": {
			Op: "read presences", Status: 429, Code: "TooManyRequests", Message: "Please retry again later.", RetryAfter: 10 * time.Second, RetryAfterSet: true, RequestID: "r1", Answered: true},
		"graph: read presences: the answer is empty": {Op: "read presences", Status: 200, Err: errors.New("the answer is empty"), Answered: true},
		"graph: read user: no token: gone":           {Op: "read user", Err: errors.New("no token: gone")},
	} {
		if got := err.Error(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 31, 9, 30, 0, 0, time.UTC)
	for _, tc := range []struct {
		value, date string
		want        time.Duration
		set         bool
	}{
		{"", "", 0, false},
		{"0", "", 0, true},
		{" 120 ", "", 2 * time.Minute, true},
		{"86401", "", 24 * time.Hour, true},
		{"99999999999999999999999999999999", "", 24 * time.Hour, true},
		{"-5", "", 0, false},
		{"+5", "", 0, false},
		{"1.5", "", 0, false},
		{"soon", "", 0, false},
		{"Sat, 31 Jan 2026 09:30:30 GMT", "", 30 * time.Second, true},
		{"Sat, 31 Jan 2026 09:30:30 GMT", "Sat, 31 Jan 2026 09:30:20 GMT", 10 * time.Second, true},
		{"Saturday, 31-Jan-26 09:30:30 GMT", "never", 30 * time.Second, true},
		{"Sat, 31 Jan 2026 09:29:00 GMT", "", 0, true},
		{"Fri, 31 Dec 9999 23:59:59 GMT", "", 24 * time.Hour, true},
	} {
		h := http.Header{}
		h.Set("Retry-After", tc.value)
		h.Set("Date", tc.date)
		if got, set := graph.RetryAfter(h, now); got != tc.want || set != tc.set {
			t.Errorf("%q at %q: got %v, %v, want %v, %v", tc.value, tc.date, got, set, tc.want, tc.set)
		}
	}
}

func TestNoRedirectIsFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		var arrived atomic.Int32
		elsewhere := connectURL(t, func(w http.ResponseWriter, r *http.Request) { arrived.Add(1) })
		for _, kind := range []graph.Kind{graph.Batch, graph.Users} {
			client := connect(t, graph.Options{Kind: kind}, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", elsewhere+"/v1.0/secret?x="+token)
				w.WriteHeader(status)
			})
			_, err := client.Read(t.Context(), []presence.ID{anna})
			failure := asError(t, err)
			if failure.Status != status || !failure.Answered || !strings.Contains(err.Error(), elsewhere) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%d: got %v", status, err)
			}
		}
		if arrived.Load() != 0 {
			t.Errorf("%d: %d requests followed the redirect", status, arrived.Load())
		}
	}
}

func TestNoAnswer(t *testing.T) {
	t.Run("slow", func(t *testing.T) {
		client := connect(t, graph.Options{Timeout: 30 * time.Millisecond}, func(_ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		})
		start := time.Now()
		_, err := client.Read(t.Context(), []presence.ID{anna})
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("took %v", took)
		}
		if failure := asError(t, err); failure.Answered || failure.Status != 0 || !errors.Is(err, context.DeadlineExceeded) || failure.ClientRequestID == "" || !strings.Contains(err.Error(), "30ms") {
			t.Errorf("got %+v", failure)
		}
	})
	t.Run("slow body", func(t *testing.T) {
		client := connect(t, graph.Options{Timeout: 100 * time.Millisecond}, func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			saying(http.StatusOK, `{"value":[`)(w, r)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		})
		_, err := client.Read(t.Context(), []presence.ID{anna})
		if failure := asError(t, err); !failure.Answered || failure.Status != 200 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %+v", failure)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		client := connect(t, graph.Options{}, func(_ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			cancel()
			<-r.Context().Done()
		})
		_, err := client.Read(ctx, []presence.ID{anna})
		if failure := asError(t, err); failure.Answered || !errors.Is(err, context.Canceled) {
			t.Errorf("got %+v", failure)
		}
	})
	t.Run("nobody there", func(t *testing.T) {
		client, err := graph.New(fixed(token), graph.Options{BaseURL: "http://127.0.0.1:1"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Read(t.Context(), []presence.ID{anna})
		if failure := asError(t, err); failure.Answered || failure.Status != 0 || failure.Err == nil {
			t.Errorf("got %+v", failure)
		}
	})
}
