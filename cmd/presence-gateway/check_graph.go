package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/internal/config"
	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/internal/trust"
	"github.com/presence-gateway/presence-gateway/poller/credential"
	"github.com/presence-gateway/presence-gateway/poller/graph"
)

// graph checks the way to Graph, the sign-in, and what it may read. The error says that nothing could be tried at all.
func (e *examination) graph(ctx context.Context) error {
	p := parts{log: zap.NewNop()}
	var err error
	if p.trusted, err = trustedBy(e.c, p.log); err != nil {
		return err
	}
	if p.credential, err = e.credential(p.trusted); err != nil {
		return err
	}
	client, err := newClient(e.c, p)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	e.reach(ctx, p.trusted)
	t, ok := e.token(ctx, p.credential)
	if !ok {
		for _, name := range []string{"permission", "read"} {
			e.fail(name, "not tried: there is no token", "")
		}
		return nil
	}
	e.clientCertificate(p.credential)
	if !e.cloud(t) {
		e.fail("read", "not tried: a token is not carried to another cloud", "")
		return nil
	}
	e.permission(t)
	members := e.groups(ctx, client)
	e.presence(ctx, client, t, members)
	return nil
}

// credential is what serve would use, and shows on this terminal where a person must sign in.
func (e *examination) credential(trusted *trust.Authorities) (graph.Credential, error) {
	if e.c.Graph.Credential.Kind != string(credential.DeviceCode) {
		return newCredential(e.c, trusted, zap.NewNop())
	}
	o := credentialOptions(e.c, trusted, zap.NewNop())
	o.Prompt = func(s credential.SignIn) { fmt.Fprintf(os.Stderr, "Open %s and enter the code %s\n", s.URL, s.Code) }
	return credential.New(o)
}

// reach asks Graph for nothing, without a token: whether it answers, and what time it has.
func (e *examination) reach(ctx context.Context, trusted *trust.Authorities) {
	const name, remedy = "graph", "see that this machine may reach it (name resolution, firewall, HTTPS_PROXY)"
	where := graphRoot(&e.c.Graph)
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: trusted.Pool()}, DisableKeepAlives: true}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, where+"/v1.0/", nil)
	if err != nil {
		e.fail(name, where+" is no URL", "mend graph.base_url")
		return
	}
	asked := time.Now()
	response, err := transport.RoundTrip(request)
	answered := time.Now()
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &unknown):
		e.fail(name, where+": its TLS certificate is signed by an unknown authority", "name that authority with graph.credential.ca_file if you trust it (a proxy that looks into TLS has one)")
		return
	case ctx.Err() != nil:
		e.fail(name, where+" does not answer within 10s", remedy)
		return
	case err != nil:
		e.fail(name, where+" cannot be reached: "+err.Error(), remedy)
		return
	}
	response.Body.Close()
	e.ok(name, fmt.Sprintf("%s answers within %v", where, answered.Sub(asked).Round(time.Millisecond)))
	e.clock(response.Header.Get("Date"), asked, answered)
}

// clock compares this machine's clock with the Date of an answer, which is in whole seconds.
func (e *examination) clock(date string, asked, answered time.Time) {
	const name = "clock"
	theirs, err := http.ParseTime(date)
	if err != nil {
		e.warn(name, "Graph's answer does not say what time it is", "")
		return
	}
	ahead := asked.Add(answered.Sub(asked) / 2).Sub(theirs)
	switch {
	case ahead.Abs() <= 2*time.Second:
		e.ok(name, "agrees with Graph's")
	case ahead.Abs() > 5*time.Minute:
		e.warn(name, fmt.Sprintf("this machine's is %v off Graph's", ahead.Round(time.Second)), "set it: certificates and signed requests fail by such a difference, and ages that clients are shown are wrong")
	default:
		e.ok(name, fmt.Sprintf("this machine's is %v off Graph's, which does no harm", ahead.Round(time.Second)))
	}
}

// token signs in.
func (e *examination) token(ctx context.Context, c graph.Credential) (token graph.Token, ok bool) {
	const name = "credential"
	kind := e.c.Graph.Credential.Kind
	limit := 20 * time.Second
	if kind == string(credential.DeviceCode) {
		limit = 15 * time.Minute // a person is waited for
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	token, err := c.Token(ctx)
	var refused *credential.Error
	switch {
	case errors.As(err, &refused):
		text := refused.Text
		if refused.Where != "" {
			text = refused.Where + ": " + text
		}
		if refused.Code != 0 {
			text += fmt.Sprintf(" (AADSTS%d)", refused.Code)
		}
		if refused.Err != nil {
			text += ": " + refused.Err.Error()
		}
		e.fail(name, text, refused.Remedy)
		return token, false
	case err != nil:
		e.fail(name, kind+": "+err.Error(), "put an access token for Graph there, and keep it fresh")
		return token, false
	case token.Expires.IsZero():
		e.ok(name, kind+": a token, whose end it does not say")
	case time.Now().After(token.Expires):
		e.fail(name, fmt.Sprintf("%s: the token ended at %s", kind, token.Expires.UTC().Format(time.RFC3339)), "put a fresh one there, and keep it so")
		return token, false
	default:
		e.ok(name, fmt.Sprintf("%s: a token until %s, in %v", kind, token.Expires.UTC().Format(time.RFC3339), time.Until(token.Expires).Round(time.Minute)))
	}
	return token, true
}

// clientCertificate looks at when the certificate ends that the token was got with.
func (e *examination) clientCertificate(c graph.Credential) {
	const name = "certificate"
	known, ok := c.(interface {
		Expires() (token, certificate time.Time)
	})
	if !ok {
		return
	}
	_, end := known.Expires()
	if end.IsZero() {
		return
	}
	text := fmt.Sprintf("%s is good until %s", e.c.Graph.Credential.CertificateFile, end.UTC().Format(time.DateOnly))
	if left := time.Until(end); left < 30*24*time.Hour {
		e.warn(name, fmt.Sprintf("%s, %d days from now", text, int(left.Hours()/24)), "make another one, register it with the application, and put it there: it is read again when it changes")
		return
	}
	e.ok(name, text)
}

// groups reads who is in the groups that are watched, and returns one of them.
func (e *examination) groups(ctx context.Context, client *graph.Client) (anyone []presence.ID) {
	const name = "groups"
	for _, id := range e.c.Watch.Groups {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		group, people, err := client.Members(ctx, id, e.c.Watch.Directory)
		cancel()
		var refused *graph.Error
		switch {
		case err == nil && len(group.Members) == 0:
			e.warn(name, id.String()+" has no members", "see that it is the group that is meant")
		case err == nil && e.c.Watch.Directory && len(people) == 0:
			e.warn(name, fmt.Sprintf("%s: %d members, without names", id, len(group.Members)), "grant User.ReadBasic.All, or set watch.directory to false")
		case err == nil:
			e.ok(name, fmt.Sprintf("%s: %d members", id, len(group.Members)))
		case errors.As(err, &refused) && (refused.Status == http.StatusForbidden || refused.Status == http.StatusUnauthorized):
			e.fail(name, bare(err), "let an administrator grant GroupMember.Read.All with admin consent")
		case errors.As(err, &refused) && refused.Status == http.StatusNotFound:
			e.fail(name, fmt.Sprintf("%s: the tenant has no such group", id), "take the group's object id from Entra")
		default:
			e.fail(name, fmt.Sprintf("%s: %s", id, bare(err)), remedyOf(err, permissions{}))
		}
		if len(group.Members) > 0 {
			anyone = group.Members[:1]
		}
	}
	return anyone
}

// someone is whom to read: somebody who is watched, or else an id that nobody has.
func (e *examination) someone(members []presence.ID) (id presence.ID, real bool) {
	ids := e.c.Watch.Users
	if len(ids) == 0 && e.c.Watch.UsersFile != "" {
		ids, _ = config.ReadIDs(e.c.Watch.UsersFile) // the configuration was checked before
	}
	for _, of := range [][]presence.ID{ids, members} {
		if len(of) > 0 {
			return of[0], true
		}
	}
	rand.Read(id[:])
	return id, false
}

// graphRoot is where Graph is, without the version.
func graphRoot(g *config.Graph) string {
	if g.BaseURL != "" {
		return strings.TrimRight(g.BaseURL, "/")
	}
	return "https://" + graphHosts[g.Cloud]
}

// graphHosts are the clouds' own ("Microsoft Graph national cloud deployments").
var graphHosts = map[string]string{"global": "graph.microsoft.com", "us-gov-l4": "graph.microsoft.us", "us-gov-l5": "dod-graph.microsoft.us"}

// cloud compares whom the token is for with the cloud that is configured, and reports whether it may go there.
func (e *examination) cloud(token graph.Token) bool {
	const name = "cloud"
	g := &e.c.Graph
	t, readable := readToken(token.Value)
	u, err := url.Parse(string(t.Audience))
	want := graphHosts[g.Cloud]
	switch {
	case !readable || err != nil || u.Hostname() == "":
		e.ok(name, g.Cloud+", "+graphRoot(g))
		return true
	case u.Hostname() == want:
		e.ok(name, fmt.Sprintf("%s: the token is for %s, and goes to %s", g.Cloud, want, graphRoot(g)))
		return true
	}
	for other, host := range graphHosts {
		if u.Hostname() == host {
			e.fail(name, fmt.Sprintf("the token is for cloud %s, but graph.cloud is %s", other, g.Cloud), "set graph.cloud to "+other+", or sign in to "+g.Cloud)
			return false
		}
	}
	e.fail(name, fmt.Sprintf("the token is for %.80q, not for Graph", t.Audience), "get one for https://"+want+"/.default")
	return false
}
