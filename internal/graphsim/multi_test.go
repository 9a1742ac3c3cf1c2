package graphsim_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/presence-gateway/presence-gateway/internal/graphsim"
)

func (c client) multi(requests ...string) map[string]map[string]any {
	c.t.Helper()
	o := c.ok("POST", "/v1.0/$batch", `{"requests":[`+strings.Join(requests, ",")+`]}`)
	found := map[string]map[string]any{}
	for _, r := range o["responses"].([]any) {
		one := r.(map[string]any)
		found[one["id"].(string)] = one
	}
	return found
}

func TestMulti(t *testing.T) {
	tenant, c := newClient(t, graphsim.Options{Users: 5, Budget: 4})
	all := ids(tenant)
	got := c.multi(
		`{"id":"1","method":"GET","url":"/users/`+all[0]+`/presence"}`,
		`{"id":"2","method":"get","url":"communications/presences/`+all[1]+`"}`,
		`{"id":"3","method":"POST","url":"/communications/getPresencesByUserId","headers":{"Content-Type":"application/json"},"body":`+idsBody(all...)+`}`,
		`{"id":"4","method":"GET","url":"/me/presence","dependsOn":["1"]}`,
		`{"id":"5","method":"GET","url":"/users/`+all[2]+`/presence"}`,
		`{"id":"6","method":"GET","url":"/users?$top=2"}`,
		`{"id":"7","method":"GET","url":"/me/presence","dependsOn":["5"]}`,
		`{"id":"8","method":"POST","url":"/communications/getPresencesByUserId","body":{"ids":[]}}`,
	)
	for id, want := range map[string]float64{"1": 200, "2": 200, "3": 200, "4": 200, "5": 429, "6": 200, "7": 424, "8": 400} {
		if got[id]["status"] != want {
			t.Errorf("part %s: %v", id, got[id])
		}
	}
	if h := got["5"]["headers"].(map[string]any); h["Retry-After"] == nil {
		t.Errorf("an inner refusal has headers %v", h)
	}
	if rows := got["3"]["body"].(map[string]any)["value"].([]any); len(rows) != 5 {
		t.Errorf("an inner batch has %d rows", len(rows))
	}
	if s := tenant.Stats(); s.Reads != 5 || s.Refused != 1 {
		t.Errorf("each part counts: %d reads, %d refused", s.Reads, s.Refused)
	}

	many := make([]string, 21)
	for i := range many {
		many[i] = fmt.Sprintf(`{"id":"%d","method":"GET","url":"/users"}`, i)
	}
	for name, body := range map[string]string{
		"21 parts":              `{"requests":[` + strings.Join(many, ",") + `]}`,
		"two parts of one id":   `{"requests":[` + many[0] + `,` + many[0] + `]}`,
		"no parts":              `{"requests":[]}`,
		"no JSON":               `{"requests":`,
		"an unknown dependency": `{"requests":[{"id":"1","method":"GET","url":"/users","dependsOn":["9"]}]}`,
	} {
		if r := c.do("POST", "/v1.0/$batch", body); r.status != 400 {
			t.Errorf("%s: %d", name, r.status)
		}
	}
}

func FuzzMulti(f *testing.F) {
	tenant := graphsim.New(graphsim.Options{Users: 3})
	id := ids(tenant)[0]
	f.Add(`{"requests":[{"id":"1","method":"GET","url":"/users/` + id + `/presence"}]}`)
	f.Add(`{"requests":[{"id":"1","method":"POST","url":"/communications/getPresencesByUserId","headers":{"Content-Type":"application/json"},"body":{"ids":["` + id + `",null]}}]}`)
	f.Add(`{"requests":[{"id":"1","method":"GET","url":"//x:y@z/%zz","dependsOn":["1"]}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		c := client{t, tenant.Handler()}
		for _, target := range []string{"/v1.0/$batch", batchPath} {
			r := c.do("POST", target, body)
			if !json.Valid(r.body) || r.status >= 500 {
				t.Errorf("%s: %d %s", target, r.status, r.body)
			}
		}
	})
}
