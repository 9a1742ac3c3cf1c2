package graphsim_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/graphsim"
)

// discard is a ResponseWriter that keeps nothing.
type discard struct{ h http.Header }

func (d *discard) Header() http.Header         { return d.h }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

// One read of 650 of 10,000 users, without a network.
func BenchmarkBatchRead(b *testing.B) {
	tenant := graphsim.New(graphsim.Options{Users: 10_000, Budget: 1 << 30})
	body := idsBody(ids(tenant)[3000:3650]...)
	h := tenant.Handler()
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("POST", batchPath, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer token")
		r.Header.Set("Content-Type", "application/json")
		h.ServeHTTP(&discard{http.Header{}}, r)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/650, "ns/row")
}

// The price of a lived change, agenda and plan included.
func BenchmarkChange(b *testing.B) {
	tenant := graphsim.New(graphsim.Options{Users: 10_000})
	p := graphsim.StepperOf(tenant)
	b.ReportAllocs()
	for b.Loop() {
		for !p() {
		}
	}
}

func BenchmarkNew(b *testing.B) {
	for _, users := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprint(users), func(b *testing.B) {
			var tenant *graphsim.Tenant
			var before, after runtime.MemStats
			for b.Loop() {
				runtime.GC()
				runtime.ReadMemStats(&before)
				tenant = graphsim.New(graphsim.Options{Users: users})
				runtime.GC()
				runtime.ReadMemStats(&after)
			}
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(users), "B/user")
			runtime.KeepAlive(tenant)
		})
	}
}

// The load of the main job, over loopback TCP for three seconds: 10,000 users,
// 100 changes a second, 45 reads of 650 a second. The share of one core is of
// tenant and client together.
func BenchmarkMainLoad(b *testing.B) {
	tenant := graphsim.New(graphsim.Options{Users: 10_000, ChangesPerSecond: 100, Budget: 1 << 30})
	server := httptest.NewServer(tenant.Handler())
	defer server.Close()
	all := ids(tenant)
	stop := make(chan struct{})
	ended := make(chan struct{})
	go func() { runUntil(b.Context(), stop, tenant); close(ended) }()
	const span, rate = 3 * time.Second, 45
	for b.Loop() {
		began, cpu := time.Now(), processTime(b)
		for i := range int(span.Seconds() * rate) {
			time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / rate)))
			from := i * 650 % (len(all) - 650)
			r, err := http.NewRequestWithContext(b.Context(), "POST", server.URL+batchPath, strings.NewReader(idsBody(all[from:from+650]...)))
			if err != nil {
				b.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer token")
			r.Header.Set("Content-Type", "application/json")
			resp, err := server.Client().Do(r)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				b.Fatal(err)
			}
			_ = resp.Body.Close()
		}
		b.ReportMetric(100*(processTime(b)-cpu).Seconds()/time.Since(began).Seconds(), "%core")
	}
	close(stop)
	<-ended
	server.Client().CloseIdleConnections()
}

func processTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
