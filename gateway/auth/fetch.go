package auth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/trust"
)

const (
	fetchLimit   = 10 * time.Second
	maxFetched   = 1 << 20 // bytes of an answer
	maxRedirects = 3
)

// fetcher gets an issuer's keys. It is used by one goroutine at a time.
type fetcher struct {
	issuer *issuer
	client *http.Client
	where  string // of the keys, as the metadata last said; empty: not asked yet
}

func newFetcher(i *issuer, authorities *trust.Authorities) *fetcher {
	return &fetcher{issuer: i, where: i.JWKSURL, client: &http.Client{
		Timeout: fetchLimit,
		Transport: trust.NewTransport(authorities, func(roots *x509.CertPool) *http.Transport {
			return &http.Transport{
				Proxy:             http.ProxyFromEnvironment,
				TLSClientConfig:   &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
				DisableKeepAlives: true, // it is used once in an hour
				ForceAttemptHTTP2: true,

				MaxResponseHeaderBytes: 64 << 10,
			}
		}),
		CheckRedirect: func(r *http.Request, before []*http.Request) error {
			if len(before) > maxRedirects {
				return errors.New("too many redirections")
			}
			_, err := fetchable(r.URL.String())
			return err
		},
	}}
}

// keys fetches the set. Where it is to be found is asked anew if discover is set, or if it is not known.
func (f *fetcher) keys(ctx context.Context, discover bool) (*keySet, error) {
	if f.issuer.JWKSURL == "" && (discover || f.where == "") {
		where, err := f.discover(ctx)
		if err != nil {
			return nil, err
		}
		f.where = where
	}
	text, err := f.get(ctx, f.where)
	if err != nil {
		return nil, err
	}
	set, err := parseKeySet(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.where, err)
	}
	return set, nil
}

// discover asks the issuer where its keys are.
func (f *fetcher) discover(ctx context.Context) (string, error) {
	where := f.issuer.metadata()
	text, err := f.get(ctx, where)
	if err != nil {
		return "", err
	}
	var metadata struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if json.Unmarshal(text, &metadata) != nil {
		return "", fmt.Errorf("%s: it is no description of an OpenID provider", where)
	}
	if metadata.Issuer != f.issuer.named() && metadata.Issuer != f.issuer.Issuer {
		return "", fmt.Errorf("%s: it describes the issuer %.200q, which gateway.auth.jwt.issuer is not", where, metadata.Issuer)
	}
	if _, err := fetchable(metadata.Keys); err != nil {
		return "", fmt.Errorf("%s: jwks_uri %.200q: %w", where, metadata.Keys, err)
	}
	return metadata.Keys, nil
}

func (f *fetcher) get(ctx context.Context, where string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	response, err := f.client.Do(request)
	if err != nil {
		return nil, err // names the URL
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: it answered %s", where, response.Status)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxFetched+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	if len(text) > maxFetched {
		return nil, fmt.Errorf("%s: it answered more than %d MiB", where, maxFetched>>20)
	}
	return text, nil
}
