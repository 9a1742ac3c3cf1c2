package gateway

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// origins tells which pages may talk to the server. A browser sends the Origin of the page; what sends none is no
// browser.
type origins struct {
	own      string // of public_url; empty: unknown
	allowed  []string
	any      bool
	loopback bool
	proxies  []netip.Prefix
}

func newOrigins(o Options) (*origins, error) {
	a := &origins{loopback: o.LoopbackOrigin, proxies: o.TrustedProxies}
	if o.PublicURL != nil {
		a.own = normalOrigin(o.PublicURL.Scheme, o.PublicURL.Host)
		if a.own == "" {
			return nil, fmt.Errorf("gateway: public_url %q: want scheme and host, such as https://presence.example.com", o.PublicURL)
		}
	}
	for _, text := range o.Origins {
		if text == "*" {
			a.any = true
			continue
		}
		origin := parseOrigin(text)
		if origin == "" {
			return nil, fmt.Errorf("gateway: origin %q: want exactly scheme, host and port, such as https://intranet.example.com", text)
		}
		a.allowed = append(a.allowed, origin)
	}
	return a, nil
}

// allow reports whether the page that sent r may talk to the server.
func (a *origins) allow(r *http.Request) bool {
	sent := r.Header.Values("Origin")
	switch {
	case len(sent) == 0:
		return true
	case len(sent) > 1:
		return false
	}
	origin := parseOrigin(sent[0])
	switch {
	case origin == "": // "null" too
		return false
	case a.any, origin == a.own, slices.Contains(a.allowed, origin):
		return true
	case a.loopback && isLoopback(hostOf(origin)):
		return true
	}
	// Without public_url the server does not know its name. What the request calls it is believed only where no
	// name is: a stranger's page whose name was made to point here would be its own origin otherwise.
	scheme, host := a.reached(r)
	own := normalOrigin(scheme, host)
	return a.own == "" && origin == own && (isLoopback(hostOf(own)) || isAddress(hostOf(own)))
}

// named reports whether a request without Origin calls the server by a name that nobody else can give it. A browser
// leaves Origin out where a page reads from its own host; a stranger's page, whose own name was made to point here, would
// read what its visitor may. Such a name is one of the public names: none of one word, of a private suffix, or an address.
func (a *origins) named(r *http.Request) bool {
	if a.any || r.Header.Get("Origin") != "" { // judged by allow
		return true
	}
	scheme, host := a.reached(r)
	reached := normalOrigin(scheme, host)
	name := strings.TrimSuffix(hostOf(reached), ".")
	switch {
	case isAddress(name), isLoopback(name), !strings.Contains(name, "."):
		return name != ""
	case a.own != "" && name == hostOf(a.own):
		return true
	}
	return slices.ContainsFunc(privateSuffixes, func(suffix string) bool { return strings.HasSuffix(name, suffix) }) ||
		slices.ContainsFunc(a.allowed, func(origin string) bool { return name == hostOf(origin) })
}

// privateSuffixes are those that no public name has: RFC 6762, RFC 8375, and ICANN's for private use.
var privateSuffixes = []string{".local", ".home.arpa", ".internal"}

// reached returns the scheme and host by which a browser reached the server.
func (a *origins) reached(r *http.Request) (scheme, host string) {
	scheme, host = "http", r.Host
	if r.TLS != nil {
		scheme = "https"
	}
	if !a.trusts(r.RemoteAddr) {
		return scheme, host
	}
	if forwarded := lastOf(r.Header.Values("X-Forwarded-Proto")); forwarded != "" {
		scheme = forwarded
	}
	if forwarded := lastOf(r.Header.Values("X-Forwarded-Host")); forwarded != "" {
		host = forwarded
	}
	return scheme, host
}

// remote returns the address of the client, the last one that no trusted proxy has.
func (a *origins) remote(r *http.Request) string {
	address := r.RemoteAddr
	var chain []string
	for _, header := range r.Header.Values("X-Forwarded-For") {
		chain = append(chain, strings.Split(header, ",")...)
	}
	for a.trusts(address) && len(chain) > 0 {
		address = strings.TrimSpace(chain[len(chain)-1])
		chain = chain[:len(chain)-1]
	}
	return address
}

func (a *origins) trusts(address string) bool {
	if len(a.proxies) == 0 {
		return false
	}
	ip, known := addressOf(address)
	return known && slices.ContainsFunc(a.proxies, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// addressOf reads an address that may have a port.
func addressOf(text string) (netip.Addr, bool) {
	host, _, err := net.SplitHostPort(text)
	if err != nil {
		host = text
	}
	ip, err := netip.ParseAddr(host)
	return ip.Unmap(), err == nil
}

// caller names whoever answers for what an anonymous client asks: its address, or the network of an IPv6 host, who
// may choose among many.
func (a *origins) caller(r *http.Request) string {
	remote := a.remote(r)
	ip, known := addressOf(remote)
	if !known {
		return remote
	}
	if ip.Is6() {
		network, _ := ip.Prefix(64)
		return network.String()
	}
	return ip.String()
}

// lastOf returns what the nearest proxy appended to a header.
func lastOf(values []string) string {
	if len(values) == 0 {
		return ""
	}
	list := strings.Split(values[len(values)-1], ",")
	return strings.TrimSpace(list[len(list)-1])
}

// parseOrigin returns the normal form of an origin as browsers write it, or "" if it is none.
func parseOrigin(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Path != "" || strings.ContainsAny(text, "?#*\\ \t") {
		return ""
	}
	return normalOrigin(u.Scheme, u.Host)
}

// normalOrigin returns scheme, host and port in lower case, the port always written; "" if there is no host or the
// scheme has no port.
func normalOrigin(scheme, authority string) string {
	scheme = strings.ToLower(scheme)
	u, err := url.Parse(scheme + "://" + authority)
	if err != nil || u.Hostname() == "" || u.User != nil {
		return ""
	}
	port := u.Port()
	switch {
	case port != "":
	case strings.HasSuffix(authority, ":"):
		return ""
	case scheme == "http":
		port = "80"
	case scheme == "https":
		port = "443"
	default: // of an extension, say: no port, and none needed
		return scheme + "://" + strings.ToLower(authority)
	}
	return scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

func hostOf(origin string) string {
	u, err := url.Parse(origin)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}
