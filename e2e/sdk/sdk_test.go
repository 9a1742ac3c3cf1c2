package sdk_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	msgraphsdk "github.com/microsoftgraph/msgraph-sdk-go"
	msgraphcore "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go/communications"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"
)

// credential is what azidentity gives a program: a token for the scope that is asked for, and for no other.
type credential struct{ scope, token string }

func (c credential) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if !slices.Equal(o.Scopes, []string{c.scope}) {
		return azcore.AccessToken{}, errors.New("asked for " + strings.Join(o.Scopes, " "))
	}
	return azcore.AccessToken{Token: c.token, ExpiresOn: time.Now().Add(time.Hour)}, nil
}

const scope = "api://" + apiID + "/.default"

// client is the SDK as its users make it, with the two changes that the gateway asks for.
func client(t testing.TB, base, token string) *msgraphsdk.GraphServiceClient {
	t.Helper()
	c, err := msgraphsdk.NewGraphServiceClientWithCredentialsAndHosts(credential{scope, token}, []string{scope}, []string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	c.GetAdapter().SetBaseUrl(base)
	return c
}

// facts is what the SDK understood, as text.
func facts(p models.Presenceable) string {
	text := func(s *string) string {
		if s == nil {
			return "-"
		}
		return *s
	}
	parts := []string{text(p.GetId()), text(p.GetAvailability()), text(p.GetActivity()), text(p.GetSequenceNumber())}
	if o := p.GetOutOfOfficeSettings(); o != nil && o.GetIsOutOfOffice() != nil {
		parts = append(parts, map[bool]string{true: "out", false: "in"}[*o.GetIsOutOfOffice()], text(o.GetMessage()))
	}
	if m := p.GetStatusMessage(); m != nil && m.GetMessage() != nil {
		parts = append(parts, text(m.GetMessage().GetContent()), m.GetMessage().GetContentType().String())
	}
	return strings.Join(parts, " ")
}

func list(t testing.TB, c *msgraphsdk.GraphServiceClient, ids ...string) ([]models.Presenceable, error) {
	t.Helper()
	body := communications.NewGetPresencesByUserIdPostRequestBody()
	body.SetIds(ids)
	answer, err := c.Communications().GetPresencesByUserId().PostAsGetPresencesByUserIdPostResponse(t.Context(), body, nil)
	if err != nil {
		return nil, err
	}
	return answer.GetValue(), nil
}

// refusal is what the SDK made of an error: status and code.
func refusal(t *testing.T, err error) (int, string, string) {
	t.Helper()
	var refused *odataerrors.ODataError
	if !errors.As(err, &refused) {
		t.Errorf("no error of Graph: %v", err)
		return 0, "", ""
	}
	main := refused.GetErrorEscaped()
	return refused.ResponseStatusCode, *main.GetCode(), *main.GetMessage()
}

func TestOfficialSDKs(t *testing.T) {
	h := newHouse(t)
	h.ask("PUT", h.graph+"/sim/users/"+h.ids[0]+"/presence", `{"availability":"Busy","activity":"InACall","statusMessage":"Grüße 👋",`+
		`"outOfOfficeSettings":{"isOutOfOffice":true,"message":"<p>Back soon</p>"}}`, nil)
	tenant := client(t, h.graph+"/v1.0", h.graphToken())
	truth := func(id string) string {
		t.Helper()
		p, err := tenant.Users().ByUserId(id).Presence().Get(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return facts(p)
	}
	gateway := client(t, h.gateway+"/graph/v1.0", apiKey)
	h.eventually("the call is known", func() bool {
		p, err := gateway.Users().ByUserId(h.ids[0]).Presence().Get(t.Context(), nil)
		return err == nil && facts(p) == truth(h.ids[0])
	})
	if !strings.Contains(truth(h.ids[0]), "Busy InACall") || !strings.Contains(truth(h.ids[0]), "Grüße 👋") {
		t.Errorf("the tenant says %s", truth(h.ids[0]))
	}
	before := h.reads()

	t.Run("Go: one", func(t *testing.T) {
		p, err := gateway.Communications().Presences().ByPresenceId(strings.ToUpper(h.ids[0])).Get(t.Context(), nil)
		if err != nil || facts(p) != truth(h.ids[0]) {
			t.Errorf("got %v, %v", p, err)
		}
		for _, id := range []string{nobody, h.ids[denied]} {
			_, err := gateway.Users().ByUserId(id).Presence().Get(t.Context(), nil)
			if status, code, _ := refusal(t, err); status != 404 || code != "NotFound" {
				t.Errorf("%s: %d %s", id, status, code)
			}
		}
		_, err = gateway.Users().ByUserId("moon").Presence().Get(t.Context(), nil)
		if status, code, _ := refusal(t, err); status != 400 || code != "BadRequest" {
			t.Errorf("moon: %d %s", status, code)
		}
	})

	t.Run("Go: lists", func(t *testing.T) {
		h.ask("PUT", h.graph+"/sim/faults", `{"latency":{"ms":700}}`, nil) // so that a first read takes its time
		rows, err := list(t, gateway, h.ids[0], nobody, h.ids[denied], h.ids[stray], h.ids[0])
		if err != nil || len(rows) != 4 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		if facts(rows[0]) != truth(h.ids[0]) {
			t.Errorf("got %s", facts(rows[0]))
		}
		for i, id := range []string{nobody, h.ids[denied], h.ids[stray]} {
			if got, want := facts(rows[i+1]), id+" PresenceUnknown PresenceUnknown -"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		// Alone, whoever is not read yet is worth waiting for: the SDK itself comes again when it is told to.
		if p, err := gateway.Users().ByUserId(h.ids[waiting]).Presence().Get(t.Context(), nil); err != nil || *p.GetAvailability() == "PresenceUnknown" {
			t.Errorf("got %v, %v", p, err)
		}
		h.ask("PUT", h.graph+"/sim/faults", `{}`, nil)

		if rows, err = list(t, gateway, h.ids[:650]...); err != nil || len(rows) != 650 || *rows[649].GetId() != h.ids[649] {
			t.Errorf("650: %d rows, %v", len(rows), err)
		}
		_, err = list(t, gateway, h.ids[:651]...)
		if status, code, message := refusal(t, err); status != 400 || code != "BadRequest" || !strings.Contains(message, "650") {
			t.Errorf("651: %d %s %s", status, code, message)
		}
	})

	t.Run("Go: a batch", func(t *testing.T) {
		batch := msgraphcore.NewBatchRequest(gateway.GetAdapter())
		one := func(id string) msgraphcore.BatchItem {
			info, err := gateway.Users().ByUserId(id).Presence().ToGetRequestInformation(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			item, err := batch.AddBatchRequestStep(*info)
			if err != nil {
				t.Fatal(err)
			}
			return item
		}
		known, unknown := one(h.ids[0]), one(nobody)
		body := communications.NewGetPresencesByUserIdPostRequestBody()
		body.SetIds([]string{h.ids[0], h.ids[denied]})
		info, err := gateway.Communications().GetPresencesByUserId().ToPostRequestInformation(t.Context(), body, nil)
		if err != nil {
			t.Fatal(err)
		}
		some, err := batch.AddBatchRequestStep(*info)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := batch.Send(t.Context(), gateway.GetAdapter())
		if err != nil {
			t.Fatal(err)
		}
		p, err := msgraphcore.GetBatchResponseById[models.Presenceable](answer, *known.GetId(), models.CreatePresenceFromDiscriminatorValue)
		if err != nil || facts(p) != truth(h.ids[0]) {
			t.Errorf("got %v, %v", p, err)
		}
		if status := *answer.GetResponseById(*unknown.GetId()).GetStatus(); status != 404 {
			t.Errorf("unknown: %d", status)
		}
		rows, err := msgraphcore.GetBatchResponseById[communications.GetPresencesByUserIdPostResponseable](answer, *some.GetId(),
			communications.CreateGetPresencesByUserIdPostResponseFromDiscriminatorValue)
		if err != nil || len(rows.GetValue()) != 2 || *rows.GetValue()[1].GetAvailability() != "PresenceUnknown" {
			t.Errorf("got %v, %v", rows, err)
		}
	})

	t.Run("Go: who signed in", func(t *testing.T) {
		person := client(t, h.gateway+"/graph/v1.0", h.token(`{"user":"`+h.ids[7]+`"}`))
		if p, err := person.Me().Presence().Get(t.Context(), nil); err != nil || facts(p) != truth(h.ids[7]) {
			t.Errorf("me: %v, %v", p, err)
		}
		_, err := gateway.Me().Presence().Get(t.Context(), nil)
		if status, code, _ := refusal(t, err); status != 400 || code != "BadRequest" {
			t.Errorf("me of a key: %d %s", status, code)
		}
		forGraph := client(t, h.gateway+"/graph/v1.0", h.graphToken())
		_, err = forGraph.Users().ByUserId(h.ids[0]).Presence().Get(t.Context(), nil)
		if status, code, message := refusal(t, err); status != 401 || code != "InvalidAuthenticationToken" || !strings.Contains(message, "Graph") {
			t.Errorf("a token for Graph: %d %s %s", status, code, message)
		}
	})

	t.Run("JavaScript", func(t *testing.T) { h.javaScript(t) })

	// The tenant was asked for the truth, and by the poller; not once for whoever read here.
	t.Logf("reads of presence at the tenant meanwhile: %d", h.reads()-before)
}

// javaScript has the other SDK read the same. It needs npm.
func (h *house) javaScript(t *testing.T) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("npm is not installed")
		}
		t.Skip("npm is not installed")
	}
	if _, err := os.Stat("js/node_modules/@microsoft/microsoft-graph-client/package.json"); err != nil {
		install := exec.CommandContext(t.Context(), npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts")
		install.Dir = "js"
		if out, err := install.CombinedOutput(); err != nil {
			t.Fatalf("npm ci: %v\n%s", err, out)
		}
	}
	about, err := json.Marshal(map[string]any{
		"gateway": h.gateway, "key": apiKey, "person": h.token(`{"user":"` + h.ids[7] + `"}`), "forGraph": h.graphToken(),
		"users": h.ids[:allowed-2], "self": h.ids[7], "denied": h.ids[denied], "nobody": nobody, "tenant": h.graph,
	})
	if err != nil {
		t.Fatal(err)
	}
	node := exec.CommandContext(t.Context(), "node", "--test", "--test-reporter=tap", "facade.test.mjs")
	node.Dir = "js"
	node.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+h.ca, "FACADE="+string(about))
	if out, err := node.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// graphToken is an application's token for Graph itself.
func (h *house) graphToken() string {
	h.t.Helper()
	response, err := http.Post(h.authority+"/"+h.tenantID+"/oauth2/v2.0/token", "application/x-www-form-urlencoded", strings.NewReader(
		"grant_type=client_credentials&client_id=app&client_secret=s3cret&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"))
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Token == "" {
		h.t.Fatalf("no token: %v %s", err, response.Status)
	}
	return answer.Token
}

// reads is how often presence was read at the tenant.
func (h *house) reads() int {
	var stats struct{ Reads int }
	h.ask("GET", h.graph+"/sim/stats", "", &stats)
	return stats.Reads
}
