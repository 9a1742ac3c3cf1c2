package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"go.uber.org/zap"
)

// Options of a [Client]. The zero value is an anonymous caller.
type Options struct {
	// APIKey signs in with a key that stays the same, or a token that nothing renews. When the gateway refuses it, that
	// is final.
	APIKey string
	// Token signs in with tokens that end. It is asked before each connection, and ahead of a token's end for the next
	// one; it may keep a token as long as that is good. After a refusal it is asked again, and its token used once it is
	// another. It must be safe for concurrent use and return when ctx ends.
	Token func(ctx context.Context) (string, error)

	Header     http.Header  // sent with each handshake, besides Authorization
	HTTPClient *http.Client // makes the connections: certificates, proxies; nil: http.DefaultClient. It must have no Timeout
	Backoff    Backoff
	Log        *zap.Logger // nil: logs nothing. Tokens and presences are never logged
}

func (o Options) withDefaults() Options {
	o.Backoff = o.Backoff.withDefaults()
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	o.Log = o.Log.Named("client")
	return o
}

// streamURL turns the gateway's address into that of its stream.
func streamURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("client: address %q: want the gateway's, such as https://presence.example.com", text)
	}
	switch u.Scheme {
	case "http", "ws":
		u.Scheme = "ws"
	case "https", "wss":
		u.Scheme = "wss"
	default:
		return "", fmt.Errorf("client: address: %q is no scheme for this: want https or http", u.Scheme)
	}
	if u.RawQuery != "" || u.User != nil {
		return "", errors.New("client: address: want no query and no user in it: sign-in goes into Options")
	}
	if u = u.JoinPath("/"); !strings.HasSuffix(u.Path, "/v1/stream/") {
		u = u.JoinPath("/v1/stream")
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	return u.String(), nil
}
