package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller/budget"
	"github.com/presence-gateway/presence-gateway/poller/graph"
)

// permissions are what a token says of itself. It is looked at, not verified: Graph judges it.
type permissions struct {
	Audience audience `json:"aud"`
	Roles    []string `json:"roles"` // an application's
	Scopes   string   `json:"scp"`   // a person's, on whose behalf it is
	Type     string   `json:"idtyp"` // app or user
}

// audience is one text, or a list of which the first counts (RFC 7519 allows both).
type audience string

func (a *audience) UnmarshalJSON(text []byte) error {
	var list []string
	if json.Unmarshal(text, &list) == nil && len(list) > 0 {
		*a = audience(list[0])
		return nil
	}
	return json.Unmarshal(text, (*string)(a))
}

func (t *permissions) all() []string { return append(strings.Fields(t.Scopes), t.Roles...) }

func (t *permissions) holds(any ...string) bool {
	return slices.ContainsFunc(t.all(), func(p string) bool { return slices.Contains(any, p) })
}

// readToken reads a token that is a JWT; others are Graph's to understand.
func readToken(token string) (t permissions, ok bool) {
	head := strings.Split(token, ".")
	if len(head) != 3 {
		return t, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(head[1])
	return t, err == nil && json.Unmarshal(payload, &t) == nil
}

// patience is how long a place in the budget is waited for.
const patience = 5 * time.Second

const remedyConsent = "let an administrator grant the application permission Presence.Read.All with admin consent (app registration, API permissions); a token got after that has it"

// enough are the permissions any of which lets a kind read.
func enough(kind string) []string {
	if kind == "me" {
		return []string{"Presence.Read", "Presence.Read.All", "Presence.ReadWrite", "Presence.ReadWrite.All"}
	}
	return []string{"Presence.Read.All", "Presence.ReadWrite.All"}
}

func (e *examination) permission(token graph.Token) {
	const name = "permission"
	t, readable := readToken(token.Value)
	kind := e.c.Graph.Read
	switch {
	case !readable:
		e.ok(name, "the token does not say what it allows; the read below tells")
	case kind == "me" && t.Scopes == "":
		e.fail(name, "graph.read me is the signed-in person's own presence, and this token is an application's", "use a credential of kind device_code, or set graph.read to batch")
	case t.holds(enough(kind)...):
		e.ok(name, "granted: "+strings.Join(t.all(), ", "))
	case len(t.all()) == 0:
		e.fail(name, "the token holds no permission at all: nobody consented to any", remedyConsent)
	default:
		e.fail(name, "the token holds no Presence.Read.All, only "+strings.Join(t.all(), ", "), remedyConsent)
	}
}

// presence makes one read, out of the budget that the record leaves. While another process holds the record, that one
// spends the budget alone, and none is made here.
func (e *examination) presence(ctx context.Context, client *graph.Client, token graph.Token, members []presence.ID) {
	const name = "read"
	g := &e.c.Graph
	spending, err := budget.Open(budget.Options{Requests: g.Budget.Requests, Window: g.Budget.Window, Grace: g.Timeout,
		Dir: e.state, Identity: identity(g), Log: zap.NewNop()})
	if err != nil {
		e.fail(name, err.Error(), "mend graph.budget")
		return
	}
	defer spending.Close()
	if spending.Held() {
		e.held(ctx)
		return
	}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	spend, err := spending.Reserve(waiting)
	if err != nil || !spend.Leave() {
		usage := spending.Usage()
		switch {
		case usage.Paused > 0:
			e.fail(name, fmt.Sprintf("not tried: Graph asked for a pause, which lasts %v more", usage.Paused.Round(time.Second)), "check again after it")
		case usage.Reserve:
			e.fail(name, "not tried: what the last process spent is not known, and the reserve for this time is spent", fmt.Sprintf("check again after %v", g.Budget.Window))
		default:
			e.fail(name, fmt.Sprintf("not tried: the budget is spent, %d of %d requests in the last %v", usage.Spent, usage.Limit, g.Budget.Window), "check again after that time")
		}
		return
	}
	id, real := e.someone(members)
	answer, err := client.Read(ctx, []presence.ID{id})
	failure := (*graph.Error)(nil)
	errors.As(err, &failure)
	switch {
	case err == nil:
		spend.Answered(answer.Answered)
	case failure.Status == http.StatusTooManyRequests:
		spend.Throttled(failure.RetryAfter, failure.RetryAfterSet)
	case failure.Answered:
		spend.Answered(time.Now())
	case failure.ClientRequestID == "":
		spend.Unused() // nothing was sent
	default:
		spend.Lost()
	}
	unknown := err != nil && failure.Status == http.StatusNotFound || err == nil && len(answer.Readings) == 0
	switch {
	case unknown && !real:
		e.read = true
		e.ok(name, fmt.Sprintf("graph.read %s works: asked for someone who cannot be, since nobody is watched yet", g.Read))
	case unknown:
		e.read = true
		e.warn(name, fmt.Sprintf("graph.read %s works, but Graph knows no user %s", g.Read, id), "take the user's object id from Entra")
	case err != nil:
		t, _ := readToken(token.Value)
		e.fail(name, bare(err), remedyOf(err, t))
	default:
		e.read = true
		e.ok(name, fmt.Sprintf("graph.read %s works: one presence, within %v", g.Read, answer.Answered.Sub(answer.Asked).Round(time.Millisecond)))
	}
}

// held asks the process that holds the record whether its reads succeed, which is as good as a read of ours.
func (e *examination) held(ctx context.Context) {
	const name, other = "read", "another process holds the record of spent reads and reads with this budget"
	if running, err := lookAt(ctx, e.c.AdminListen); err == nil && running {
		e.read = true
		e.ok(name, other+": its reads succeed")
		return
	}
	e.warn(name, other+", so none was made here", "see whether that process reads (its log, its /metrics), or stop it and check again")
}

// bare is an error without the name of its package.
func bare(err error) string { return strings.TrimPrefix(err.Error(), "graph: ") }

// remedyOf says what to do about a request that failed. Graph answers a missing permission with 403 or with 401.
func remedyOf(err error, t permissions) string {
	var failure *graph.Error
	errors.As(err, &failure)
	granted := t.holds("Presence.Read.All", "Presence.ReadWrite.All", "Presence.Read")
	switch status := failure.Status; {
	case errors.Is(err, graph.ErrCredential):
		return "see the credential above"
	case status == http.StatusUnauthorized && failure.Claims != "":
		return "Graph revoked the token: check again, with another one"
	case (status == http.StatusUnauthorized || status == http.StatusForbidden) && len(t.all()) > 0 && !granted:
		return remedyConsent
	case status == http.StatusUnauthorized:
		return "Graph does not take the token: see that it has not ended, and that graph.cloud and graph.base_url are those of the tenant that issued it; or " + remedyConsent
	case status == http.StatusForbidden && granted:
		return "the permission is there, so something else forbids it: a conditional access policy, or a tenant without Teams"
	case status == http.StatusForbidden:
		return remedyConsent
	case status == http.StatusTooManyRequests:
		return "something else spends this application's budget at Graph: give the gateway an application of its own"
	case status == http.StatusNotFound:
		return "see that graph.base_url is Graph's, without /v1.0"
	case status >= 500:
		return "Graph has trouble: check again later, and look at its service health"
	case !failure.Answered:
		return "see that this machine may reach it (name resolution, firewall, HTTPS_PROXY)"
	}
	return "see that graph.base_url is Graph's, and nothing between changes its answers"
}
