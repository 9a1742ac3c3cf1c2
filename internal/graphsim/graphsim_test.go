package graphsim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/presence-gateway/presence-gateway/internal/graphsim"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// A client talks to a tenant without a network: no connection's faults.
type client struct {
	t testing.TB
	h http.Handler
}

type reply struct {
	status int
	header http.Header
	body   []byte
}

func (c client) do(method, target, body string, headers ...string) reply {
	c.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer token")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	c.h.ServeHTTP(w, r)
	got := w.Result()
	all, err := io.ReadAll(got.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return reply{got.StatusCode, got.Header, all}
}

func (c client) get(target string, headers ...string) reply {
	c.t.Helper()
	return c.do("GET", target, "", headers...)
}

// ok insists on 200 and decodes the answer.
func (c client) ok(method, target, body string, headers ...string) map[string]any {
	c.t.Helper()
	r := c.do(method, target, body, headers...)
	if r.status != 200 {
		c.t.Fatalf("%s %s: %d %s", method, target, r.status, r.body)
	}
	return r.object(c.t)
}

func (r reply) object(t testing.TB) map[string]any {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal(r.body, &o); err != nil {
		t.Fatalf("answer %d is no JSON object: %v: %.200s", r.status, err, r.body)
	}
	return o
}

func (r reply) code(t testing.TB) string {
	t.Helper()
	e, ok := r.object(t)["error"].(map[string]any)
	if !ok {
		t.Fatalf("answer %d has no Graph error: %s", r.status, r.body)
	}
	code, _ := e["code"].(string)
	return code
}

const batchPath = "/v1.0/communications/getPresencesByUserId"

func idsBody(ids ...string) string {
	b, err := json.Marshal(map[string][]string{"ids": ids})
	if err != nil {
		panic(err)
	}
	return string(b)
}

func (c client) batch(ids ...string) []map[string]any {
	c.t.Helper()
	return values(c.t, c.ok("POST", batchPath, idsBody(ids...)))
}

func values(t testing.TB, o map[string]any) []map[string]any {
	t.Helper()
	list, ok := o["value"].([]any)
	if !ok {
		t.Fatalf("answer has no list of values: %v", o)
	}
	rows := make([]map[string]any, len(list))
	for i := range list {
		rows[i] = list[i].(map[string]any)
	}
	return rows
}

func newClient(t testing.TB, o graphsim.Options) (*graphsim.Tenant, client) {
	tenant := graphsim.New(o)
	return tenant, client{t, tenant.Handler()}
}

func ids(tenant *graphsim.Tenant) []string {
	var all []string
	for _, p := range tenant.People() {
		all = append(all, p.ID)
	}
	return all
}

func (c client) faults(body string) {
	c.t.Helper()
	c.ok("PUT", "/sim/faults", body)
}

func sameJSON(t testing.TB, got []byte, want string) {
	t.Helper()
	var a, b bytes.Buffer
	if err := json.Compact(&a, got); err != nil {
		t.Fatalf("got no JSON: %v: %s", err, got)
	}
	if err := json.Compact(&b, []byte(want)); err != nil {
		t.Fatal(err)
	}
	if a.String() != b.String() {
		t.Errorf("got  %s\nwant %s", a.String(), b.String())
	}
}

// runUntil lets a tenant live until stop is closed.
func runUntil(ctx context.Context, stop <-chan struct{}, tenant *graphsim.Tenant) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		<-stop
		cancel()
	}()
	_ = tenant.Run(ctx)
}
