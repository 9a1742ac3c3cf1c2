package main

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/config"
	"github.com/presence-gateway/presence-gateway/web"
)

func newGateway(c *config.Config, behind *back, registry *prometheus.Registry, p parts) (*gateway.Server, error) {
	signIn := pagesSignIn(&c.Gateway.Auth)
	pages := web.Options{FrameAncestors: c.Gateway.Origins}
	if signIn.Login != nil {
		pages.Authority = originOf(signIn.Login.Authority)
	}
	o := gateway.Options{
		Version:        thisBuild().Version,
		Demo:           p.tenant != nil,
		Origins:        c.Gateway.Origins,
		LoopbackOrigin: p.tenant != nil,
		TrustedProxies: c.TrustedProxies,
		Anonymous:      c.Gateway.Auth.Anonymous,
		SignIn:         signIn,
		Policy:         policy(c, c.Gateway.Policy),
		OperatorRole:   c.Gateway.Auth.OperatorRole,
		OnDemand:       c.Watch.OnDemand,
		Resolve:        behind.reader.lookup,
		Limits: gateway.Limits{
			Connections:           c.Gateway.Limits.Connections,
			ConnectionsPerSubject: c.Gateway.Limits.ConnectionsPerSubject,
			UsersPerConnection:    c.Gateway.Limits.UsersPerConnection,
			MessageBytes:          c.Gateway.Limits.MessageBytes,
			MessagesPerSecond:     c.Gateway.Limits.MessagesPerSecond,
			UnknownUsers:          c.Gateway.Limits.UnknownUsersPerSubject,
		},
		Compression:  c.Gateway.Compression,
		Flush:        c.Gateway.Flush,
		Heartbeat:    c.Gateway.Heartbeat,
		Stall:        c.Gateway.Stall,
		ReadWait:     c.Gateway.ReadWait,
		FacadeMaxAge: c.Gateway.FacadeMaxAge,
		Drain:        drainOfGateway(c.Gateway.Drain),
		DrainDelay:   c.Gateway.DrainDelay,
		Pages:        web.New(pages),
		Files:        web.Files(),
		Name:         processName(),
		HubKind:      c.Hub.Kind,
		Reading:      behind.told,
		Explain:      behind.reader.explain,
		Ready:        func() (bool, string) { return loaded(behind.table) },
		Metrics:      registry,
		Log:          p.log,
	}
	if o.Unserved = !p.role.serves(); o.Unserved {
		o.DrainDelay = 0 // nobody comes, or stays
		return gateway.New(behind.table, o)
	}
	if p.door != nil { // a nil pointer in an interface would not be nil
		o.Door = p.door
	}
	if c.PublicURL != "" {
		var err error
		if o.PublicURL, err = url.Parse(c.PublicURL); err != nil {
			return nil, err
		}
	}
	if c.TLS.CertFile != "" {
		pair, err := loadCertificate(c.TLS.CertFile, c.TLS.KeyFile, p.log)
		if err != nil {
			return nil, err
		}
		o.TLS = pair.serverTLS()
	}
	if p.audit != nil {
		o.Audit = p.audit
	}
	if p.tenant != nil {
		o.Pages = steered(o.Pages, p.tenant)
	}
	return gateway.New(behind.table, o)
}

// loaded says whether the hub knows who is watched. Before, a client would be refused users whom it may well see.
func loaded(table *hub.Hub) (ok bool, line string) {
	select {
	case <-table.Loaded():
		return true, "hub loaded"
	default:
		return false, "hub not loaded yet"
	}
}

// policy is the rules of one configuration in the gateway's own terms: of another one, which runs, where the file was
// written since.
func policy(c *config.Config, written []config.Rule) []gateway.Rule {
	rules := make([]gateway.Rule, len(written))
	for i, rule := range written {
		rules[i] = gateway.Rule{
			Who: gateway.Who{
				Anonymous: rule.Who.Anonymous,
				Everyone:  rule.Who.Everyone,
				Roles:     rule.Who.Roles,
				Groups:    rule.Who.Groups,
				Keys:      rule.Who.Keys,
				Subjects:  subjects(rule.Who.Subjects, c.Gateway.Auth.JWT.Issuer),
			},
			Allow:  gateway.Allow{All: rule.Allow.All, Users: rule.Allow.Users, Groups: rule.Allow.Groups},
			Fields: rule.Set(c.Privacy.Set()),
		}
	}
	return rules
}

// subjects lets a policy name a caller of another provider than Entra by the token's sub alone.
func subjects(names []string, issuer string) []string {
	all := slices.Clone(names)
	for _, name := range names {
		all = append(all, "sub:"+issuer+":"+name)
	}
	return all
}

// drainOfGateway leaves a little of the whole drain to what ends after the front.
func drainOfGateway(whole time.Duration) time.Duration {
	return max(time.Millisecond, whole-min(whole/10, time.Second)) // 0 would mean the default
}

// pagesSignIn says how the pages sign in.
func pagesSignIn(a *config.Auth) gateway.SignIn {
	s := gateway.SignIn{APIKey: a.APIKeysFile != ""}
	if a.Login.ClientID != "" {
		s.Login = &gateway.Login{Authority: authorityOf(a.JWT.Issuer, a.JWT.TenantIDs), ClientID: a.Login.ClientID, Scope: a.Login.Scope}
	}
	return s
}

// authorityOf is where people sign in for tokens of an issuer. Entra's tokens of version 1.0 have a name of their own for
// the issuer, but come from the same place; of several tenants, pages know one.
func authorityOf(issuer string, tenants []string) string {
	if tenant, old := strings.CutPrefix(issuer, "https://sts.windows.net/"); old {
		issuer = "https://login.microsoftonline.com/" + strings.TrimSuffix(tenant, "/") + "/v2.0"
	}
	if len(tenants) > 0 {
		issuer = strings.ReplaceAll(issuer, "{tenantid}", tenants[0])
	}
	return strings.TrimSuffix(issuer, "/")
}

func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
