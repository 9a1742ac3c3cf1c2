package graphsim_test

import (
	"strings"
	"testing"

	"github.com/presence-gateway/presence-gateway/internal/graphsim"
)

// The documented samples carry ids of Microsoft's; the tenant's own stand in.
func documented(sample string, pairs ...string) string {
	return strings.NewReplacer(pairs...).Replace(sample)
}

const (
	sampleUser  = "fa8bf3dc-eca7-46b7-bad1-db199b62afc3"
	sampleOther = "66825e03-7ef5-42da-9069-724602c31f6b"

	// "Get presence", and with the number of "presence: setStatusMessage",
	// example 3.
	sampleSingle = `{"id":"fa8bf3dc-eca7-46b7-bad1-db199b62afc3","availability":"Available","activity":"Available",
		"outOfOfficeSettings":{"message":null,"isOutOfOffice":false},
		"statusMessage":{"message":{"content":"Hey I am available now","contentType":"text"}},"sequenceNumber":"A0129311063"}`
	// "cloudCommunications: getPresencesByUserId".
	sampleBatch = `{"value":[
		{"id":"fa8bf3dc-eca7-46b7-bad1-db199b62afc3","availability":"Busy","activity":"InAMeeting","outOfOfficeSettings":{"message":null,"isOutOfOffice":false}},
		{"id":"66825e03-7ef5-42da-9069-724602c31f6b","availability":"Away","activity":"Away","outOfOfficeSettings":{"message":null,"isOutOfOffice":false}}]}`
)

func TestDocumentedSamples(t *testing.T) {
	tenant, c := newClient(t, graphsim.Options{Users: 2})
	people := ids(tenant)
	ours := []string{sampleUser, people[0], sampleOther, people[1]}
	clean := `"outOfOffice":false,"statusMessage":null,"workLocation":null`
	c.ok("PUT", "/sim/users/"+people[0]+"/presence", `{"availability":"Available","activity":"Available","outOfOffice":false,
		"statusMessage":"Hey I am available now","workLocation":null,"sequenceNumber":"A0129311063"}`)
	c.faults(`{"sparse":true,"noContext":true}`)
	want := documented(sampleSingle, ours...)
	sameJSON(t, c.get("/v1.0/users/"+people[0]+"/presence").body, want)
	sameJSON(t, c.get("/v1.0/communications/presences/"+people[0]).body, want)
	c.faults(`{"sparse":true,"noContext":true,"wrapped":true}`)
	sameJSON(t, c.get("/v1.0/communications/presences/"+people[0]).body, `{"value":[`+want+`]}`)

	c.ok("PUT", "/sim/users/"+people[0]+"/presence", `{"availability":"Busy","activity":"InAMeeting",`+clean+`}`)
	c.ok("PUT", "/sim/users/"+people[1]+"/presence", `{"availability":"Away","activity":"Away",`+clean+`}`)
	c.faults(`{"sparse":true,"noContext":true,"omit":["sequenceNumber"]}`)
	sameJSON(t, c.do("POST", batchPath, idsBody(people...)).body, documented(sampleBatch, ours...))

	// The US Government shape: the schema there has neither number nor out of
	// office.
	c.faults(`{"government":true,"noContext":true,"sparse":true}`)
	sameJSON(t, c.get("/v1.0/users/"+people[0]+"/presence").body, `{"id":"`+people[0]+`","availability":"Busy","activity":"InAMeeting"}`)
}

func TestDocumentedThrottlingAnswer(t *testing.T) {
	_, c := newClient(t, graphsim.Options{Users: 2, Budget: 1})
	c.get("/v1.0/me/presence")
	r := c.get("/v1.0/me/presence", "client-request-id", "0a0b0c0d-0000-4000-8000-000000000001")
	if r.status != 429 || r.header.Get("Retry-After") == "" || r.header.Get("Content-Type") != "application/json" {
		t.Fatalf("got %d %v", r.status, r.header)
	}
	e := r.object(t)["error"].(map[string]any)
	inner := e["innerError"].(map[string]any)
	if e["code"] != "TooManyRequests" || e["message"] != "Please retry again later." || inner["code"] != "429" ||
		inner["message"] != "Please retry after" || inner["status"] != "429" || len(inner["date"].(string)) != len("2020-08-18T12:51:51") ||
		inner["request-id"] != r.header.Get("request-id") || inner["client-request-id"] != "0a0b0c0d-0000-4000-8000-000000000001" ||
		r.header.Get("client-request-id") != "0a0b0c0d-0000-4000-8000-000000000001" {
		t.Errorf("got %s, %v", r.body, r.header)
	}
}
