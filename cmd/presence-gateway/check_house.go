package main

import (
	"crypto/tls"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// stateDir finds out whether a record can be kept, by writing beside it.
func (e *examination) stateDir() {
	const name = "state_dir"
	if e.state == "" {
		e.fail(name, "there is no folder for the record of spent reads", "set state_dir: without it every start begins on a tenth of the budget")
		return
	}
	err := os.MkdirAll(e.state, 0o700)
	if err == nil {
		var probe *os.File
		if probe, err = os.CreateTemp(e.state, "check-*"); err == nil {
			probe.Close()
			err = os.Remove(probe.Name())
		}
	}
	if err != nil {
		e.fail(name, fmt.Sprintf("%s cannot be written: %v", e.state, err), "let the user who runs this write there, or set state_dir to another folder")
		return
	}
	e.ok(name, filepath.Clean(e.state)+" can be written")
}

func (e *examination) publicURL() {
	const name = "public_url"
	c := e.c
	u, err := url.Parse(c.PublicURL)
	switch {
	case c.PublicURL == "":
		e.ok(name, "not set: pages of the host that a request names are the gateway's own")
		return
	case err != nil: // the configuration was checked before
		e.fail(name, "it is no URL", "write https://host")
		return
	}
	origin := "its own origin is " + u.Scheme + "://" + u.Host
	switch {
	case u.Scheme == "https" && c.TLS.CertFile == "" && len(c.TrustedProxies) == 0:
		e.warn(name, origin+", but tls is off, and no proxy is trusted that would end TLS", "set tls, or trusted_proxies to the proxy in front")
	case u.Scheme == "http" && c.TLS.CertFile != "":
		e.fail(name, origin+", but tls is on, so that browsers come by https", "write https")
	default:
		e.ok(name, origin)
	}
}

// certificate looks at the listener's own. That its files can be read and fit each other, the configuration has found.
func (e *examination) certificate() {
	const name = "tls"
	if e.c.TLS.CertFile == "" {
		return
	}
	pair, err := tls.LoadX509KeyPair(e.c.TLS.CertFile, e.c.TLS.KeyFile)
	if err != nil {
		e.fail(name, err.Error(), "let tls.cert_file and tls.key_file come from one request")
		return
	}
	end := pair.Leaf.NotAfter
	text := fmt.Sprintf("%s is good until %s", e.c.TLS.CertFile, end.UTC().Format(time.DateOnly))
	switch left := time.Until(end); {
	case left <= 0:
		e.fail(name, fmt.Sprintf("%s ended on %s", e.c.TLS.CertFile, end.UTC().Format(time.DateOnly)), "renew it; it is read again while serving")
	case time.Now().Before(pair.Leaf.NotBefore):
		e.fail(name, e.c.TLS.CertFile+" is not good yet", "set this machine's clock, or use another one")
	case left < 14*24*time.Hour:
		e.warn(name, text, "renew it; it is read again while serving")
	default:
		e.ok(name, text)
	}
	if u, err := url.Parse(e.c.PublicURL); err == nil && u.Hostname() != "" && pair.Leaf.VerifyHostname(u.Hostname()) != nil {
		e.warn(name, "it is not a certificate for "+u.Hostname()+", the host of public_url", "take one for that name, unless a proxy in front shows its own")
	}
}
