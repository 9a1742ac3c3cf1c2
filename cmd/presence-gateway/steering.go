package main

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// steered is what the demo serves beside the dashboard's pages: the tenant's switches under /sim/.
func steered(pages, tenant http.Handler) http.Handler {
	tenant = fromThisMachine(tenant)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/sim/") {
			tenant.ServeHTTP(w, r)
		} else {
			pages.ServeHTTP(w, r)
		}
	})
}

// fromThisMachine lets only pages of this machine steer the tenant: a browser that shows the demo shows other pages
// too, and they must not reach it, by their own origin or by a name that they point at this machine.
func fromThisMachine(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		u, err := url.Parse(origin)
		foreign := origin != "" && (err != nil || !namesThisMachine(u.Hostname()))
		if foreign || r.Header.Get("Sec-Fetch-Site") == "cross-site" {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusForbidden)
			_ = json.NewEncoder(w).Encode(map[string]string{"error": "only pages of this machine may steer the tenant"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

func namesThisMachine(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}
