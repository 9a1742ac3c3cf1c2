package config

import (
	"fmt"
	"net"
	"reflect"
	"strings"
)

func (v *validation) hub(h *Hub) {
	if !v.oneOf("hub.kind", h.Kind, "memory", "redis") {
		return
	}
	if h.Kind == "redis" {
		v.redis(&h.Redis)
	} else if !reflect.DeepEqual(h.Redis, Default().Hub.Redis) {
		v.notice("hub.redis has no effect while hub.kind is memory")
	}
}

func (v *validation) redis(r *Redis) {
	const key = "hub.redis."
	if len(r.Addrs) == 0 {
		v.fail(key+"addrs", "is empty: name the server, or several nodes of a Cluster, or sentinels")
	}
	seen, beyond := map[string]bool{}, false
	for i, address := range r.Addrs {
		at := fmt.Sprintf("%saddrs[%d]", key, i)
		if strings.Contains(address, "://") {
			v.fail(at, "is a URL: want host:port, and the rest in the keys beside it")
			continue
		}
		host, port, err := net.SplitHostPort(address)
		switch {
		case err == nil && host == "":
			v.fail(at, "%s names no host: want host:port such as 127.0.0.1:6379", quote(address))
		case err == nil && port == "0":
			v.fail(at, "port 0 is no server's")
		case seen[address]:
			v.fail(at, "%s is given twice", quote(address))
		default:
			v.address(at, address)
		}
		seen[address] = true
		beyond = beyond || !isLoopback(host)
	}
	switch {
	case r.Password != "" && r.PasswordFile != "" && v.variables[key+"password_file"] != "":
		v.fail(key+"password", "two of them are given, the other by %s: keep one", v.variables[key+"password_file"])
	case r.Password == "" && r.PasswordFile != "":
		v.readable(key+"password_file", r.PasswordFile)
	}
	if r.Username != "" && r.Password == "" && r.PasswordFile == "" {
		v.fail(key+"password_file", "is missing: a user of Redis has a password, in a file or in %s", variable(key+"password"))
	}
	switch {
	case r.CAFile != "" && !r.TLS:
		v.fail(key+"ca_file", "has no effect without tls: set hub.redis.tls to true, or remove it")
	case r.CAFile != "":
		v.authorities(key+"ca_file", r.CAFile)
	}
	if beyond && !r.TLS {
		v.notice("hub.redis.tls is off, and Redis is not on this machine: presences, and a password, travel unencrypted")
	}
	v.prefix(key+"prefix", r.Prefix)
}

// prefix begins every key and channel, and what stands in braces decides where in a Cluster a key is.
func (v *validation) prefix(key, prefix string) {
	impossible := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`{}*?[]\`, r) }
	switch {
	case prefix == "":
		v.fail(key, "is empty: two deployments on one Redis need two names")
	case len(prefix) > 64:
		v.fail(key, "has %d bytes: want 64 or fewer", len(prefix))
	case strings.ContainsFunc(prefix, impossible):
		v.fail(key, `%s cannot begin a key: want printable ASCII without spaces and {}*?[]\`, quote(prefix))
	}
}
