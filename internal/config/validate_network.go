package config

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

func (v *validation) listeners(c *Config) {
	v.address("listen", c.Listen)
	if c.AdminListen != "" {
		v.address("admin_listen", c.AdminListen)
		if c.AdminListen == c.Listen && !strings.HasSuffix(c.Listen, ":0") {
			v.fail("admin_listen", "is the same address as listen: the admin pages need their own, or \"\" to switch them off")
		}
	}
	if c.PublicURL != "" {
		v.url("public_url", c.PublicURL, "http", "https")
	}
	switch {
	case c.TLS.CertFile == "" && c.TLS.KeyFile != "":
		v.fail("tls.cert_file", "is missing: tls needs cert_file and key_file, or neither")
	case c.TLS.CertFile != "" && c.TLS.KeyFile == "":
		v.fail("tls.key_file", "is missing: tls needs cert_file and key_file, or neither")
	case c.TLS.CertFile != "":
		v.certificate(c.TLS)
	}
	v.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	v.oneOf("log.format", c.Log.Format, "json", "console")
}

func (v *validation) address(key, address string) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		v.fail(key, "%s is no address: want host:port such as 127.0.0.1:8080 (:8080 for every interface)", quote(address))
		return
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		v.fail(key, "port %s is impossible: want 0 to 65535", quote(port))
	}
	if strings.ContainsAny(host, "/ @") {
		v.fail(key, "%s is no host: want host:port, without a scheme", quote(host))
	}
}

// url checks a URL without ever repeating one that holds a password.
func (v *validation) url(key, text string, schemes ...string) (*url.URL, bool) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		v.fail(key, "is no URL: want for example %s://presence.example.com", schemes[len(schemes)-1])
	case u.User != nil:
		v.fail(key, "holds a user name or password: remove what stands before the @")
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		v.fail(key, "has a query or a fragment: remove what begins at ? or #")
	default:
		for _, scheme := range schemes {
			if u.Scheme == scheme {
				return u, true
			}
		}
		v.fail(key, "%s is no scheme for this: want %s", quote(u.Scheme), either(schemes))
	}
	return nil, false
}

// isLoopback says whether a host is this machine by its very name or number.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}

// origin checks what a browser would send in its Origin header, byte for byte: any other spelling would never match.
func (v *validation) origin(key, text string) {
	switch text {
	case "*":
		return
	case "null":
		v.fail(key, "null is the origin of any page that hides its own, so it is never allowed: remove it")
		return
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Hostname() == "" || u.User != nil {
		v.fail(key, "%s is no origin: want scheme://host or scheme://host:port, such as https://intranet.example.com", quote(text))
		return
	}
	exact := strings.ToLower(u.Scheme) + "://" + strings.ToLower(u.Host)
	if port := u.Port(); port == "443" && u.Scheme == "https" || port == "80" && u.Scheme == "http" {
		exact = strings.TrimSuffix(exact, ":"+port)
	}
	if strings.Contains(u.Host, "*") {
		v.fail(key, "%s is a pattern, and origins are compared exactly: list each of them, or \"*\" for all", quote(text))
		return
	}
	if exact != text {
		v.fail(key, "%s is not how a browser writes it: write %s", quote(text), exact)
	}
}
