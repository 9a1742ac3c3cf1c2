package graph

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// roots are Graph's national clouds that offer presence ("Microsoft Graph national cloud deployments").
var roots = map[string]string{
	"global":    "https://graph.microsoft.com",
	"us-gov-l4": "https://graph.microsoft.us",
	"us-gov-l5": "https://dod-graph.microsoft.us",
}

// endpoint returns the root of all requests, /v1.0 included.
func endpoint(cloud, base string) (*url.URL, error) {
	if cloud == "" {
		cloud = "global"
	}
	root, known := roots[cloud]
	switch {
	case cloud == "china":
		return nil, errors.New("cloud china: Microsoft Graph operated by 21Vianet offers no presence, there is nothing to read")
	case !known:
		return nil, fmt.Errorf("unknown cloud %q: want global, us-gov-l4 or us-gov-l5", cloud)
	case base != "":
		root = base
	}
	u, err := url.Parse(root)
	if err != nil {
		// url.Parse repeats its input, which may hold a password.
		return nil, errors.New("base_url is no URL")
	}
	switch {
	case u.User != nil:
		return nil, errors.New("base_url holds a user name or password: leave it out, requests carry a token")
	case u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "":
		return nil, fmt.Errorf("base_url %q: want https://host", root)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, fmt.Errorf("base_url %q: want no query and no fragment", root)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, fmt.Errorf("base_url %q: a token is sent over http to a loopback host alone (localhost, 127.0.0.0/8, ::1): use https", root)
	}
	if u.Path == "" {
		u.Path = "/" // or what is joined to it stays relative
	}
	if strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/v1.0") {
		return nil, fmt.Errorf("base_url %q: leave out /v1.0, it is added", root)
	}
	return u.JoinPath("v1.0"), nil
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}
