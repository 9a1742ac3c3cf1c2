package graph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller/graph"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	token     = "canary-token-4711"
	allFields = presence.OutOfOffice | presence.OutOfOfficeMessage | presence.StatusMessage | presence.WorkLocation
)

var (
	anna = id("fa8bf3dc-eca7-46b7-bad1-db199b62afc3")
	bert = id("66825e03-7ef5-42da-9069-724602c31f6b")
	cleo = id("00000000-0000-0000-0000-0000000000c1")
)

func id(text string) presence.ID {
	parsed, err := presence.ParseID(text)
	if err != nil {
		panic(err)
	}
	return parsed
}

// fixed is a credential that never changes.
type fixed string

func (f fixed) Token(context.Context) (graph.Token, error) {
	return graph.Token{Value: string(f)}, nil
}

// connect returns a client of a tenant that answers with handler.
func connect(t testing.TB, o graph.Options, handler http.HandlerFunc) *graph.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	o.BaseURL = server.URL
	client, err := graph.New(fixed(token), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// saying answers every request with a JSON body.
func saying(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8")
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func fixture(t testing.TB, name string) string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestDocumentedAnswers(t *testing.T) {
	available := presence.Facts{Availability: "Available", Activity: "Available", OutOfOffice: presence.False, StatusMessage: "Hey I am available now"}
	meeting := presence.Facts{Availability: "Busy", Activity: "InAMeeting", OutOfOffice: presence.False}
	away := presence.Facts{Availability: "Away", Activity: "Away", OutOfOffice: presence.False}
	remote := meeting
	remote.WorkLocation = presence.Place{Type: "remote", Source: "manual"}
	headsDown := meeting
	headsDown.StatusMessage = "Heads down"
	for _, tc := range []struct {
		file      string
		kind      graph.Kind
		ids       []presence.ID
		want      []presence.Facts
		sequences []string
	}{
		{"single.json", graph.Users, []presence.ID{anna}, []presence.Facts{available}, []string{"A0129311063"}},
		{"single.json", graph.Communications, []presence.ID{anna}, []presence.Facts{available}, []string{"A0129311063"}},
		{"me.json", graph.Me, []presence.ID{anna}, []presence.Facts{headsDown}, []string{"A0129311063"}},
		{"wrapped.json", graph.Communications, []presence.ID{anna}, []presence.Facts{meeting}, []string{""}},
		{"batch.json", graph.Batch, []presence.ID{bert, anna}, []presence.Facts{away, meeting}, []string{"", ""}},
		{"annotated.json", graph.Batch, []presence.ID{anna}, []presence.Facts{remote}, []string{"A0129311064"}},
		{"outofoffice.json", graph.Users, []presence.ID{anna}, []presence.Facts{{Availability: "Offline", Activity: "OffWork", OutOfOffice: presence.True, OutOfOfficeMessage: "<p>Away until “Monday” 🌴</p>\r\n"}}, []string{"A0129311065"}},
		{"usgov.json", graph.Users, []presence.ID{anna}, []presence.Facts{{Availability: "DoNotDisturb", Activity: "Presenting"}}, []string{""}},
	} {
		t.Run(tc.file+"/"+string(tc.kind), func(t *testing.T) {
			client := connect(t, graph.Options{Kind: tc.kind, Fields: allFields}, saying(http.StatusOK, fixture(t, tc.file)))
			before := time.Now()
			answer, err := client.Read(t.Context(), tc.ids)
			if err != nil {
				t.Fatal(err)
			}
			if len(answer.Readings) != len(tc.ids) || len(answer.Missing) != 0 || answer.Foreign+answer.Malformed+answer.UnknownProperties != 0 {
				t.Fatalf("got %+v", answer)
			}
			for i, r := range answer.Readings {
				if r.ID != tc.ids[i] || r.Content.Facts() != tc.want[i] || r.Sequence != tc.sequences[i] {
					t.Errorf("reading %d: got %v %+v %q, want %v %+v %q", i, r.ID, r.Content.Facts(), r.Sequence, tc.ids[i], tc.want[i], tc.sequences[i])
				}
				if r.Asked.Before(before) || r.Answered.Before(r.Asked) || r.Asked != answer.Asked || r.Answered != answer.Answered {
					t.Errorf("reading %d: asked %v, answered %v of %v, %v", i, r.Asked, r.Answered, answer.Asked, answer.Answered)
				}
			}
		})
	}
}

func TestFieldsNotAllowedEndHere(t *testing.T) {
	client := connect(t, graph.Options{Kind: graph.Users}, saying(http.StatusOK, fixture(t, "single.json")))
	answer, err := client.Read(t.Context(), []presence.ID{anna})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := answer.Readings[0].Content.Facts(), (presence.Facts{Availability: "Available", Activity: "Available"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestFieldsOfOneObject: the flag alone is allowed, and the message stands beside it.
func TestFieldsOfOneObject(t *testing.T) {
	for fields, want := range map[presence.Fields]presence.Facts{
		presence.OutOfOffice:        {OutOfOffice: presence.True},
		presence.OutOfOfficeMessage: {OutOfOfficeMessage: "<p>Away until “Monday” 🌴</p>\r\n"},
		presence.StatusMessage:      {},
	} {
		want.Availability, want.Activity = "Offline", "OffWork"
		client := connect(t, graph.Options{Kind: graph.Users, Fields: fields}, saying(http.StatusOK, fixture(t, "outofoffice.json")))
		answer, err := client.Read(t.Context(), []presence.ID{anna})
		if err != nil {
			t.Fatal(err)
		}
		if got := answer.Readings[0].Content.Facts(); got != want {
			t.Errorf("%v: got %+v, want %+v", fields.Names(), got, want)
		}
	}
}

// TestTheLastOfEqualNamesCounts, whole: nothing of the one before shows through.
func TestTheLastOfEqualNamesCounts(t *testing.T) {
	busy := presence.Facts{Availability: "Busy", Activity: "Busy"}
	start := `{"value":[{"id":"` + anna.String() + `","availability":"Busy","activity":"Busy",`
	for body, want := range map[string]presence.Facts{
		start + `"outOfOfficeSettings":{"isOutOfOffice":true,"message":"x"},"outOfOfficeSettings":null}]}`:         busy,
		start + `"outOfOfficeSettings":{"isOutOfOffice":true,"message":"x"},"outOfOfficeSettings":{}}]}`:           busy,
		start + `"statusMessage":{"message":{"content":"x"}},"statusMessage":null}]}`:                              busy,
		start + `"statusMessage":{"message":{"content":"x"},"message":{}}}]}`:                                      busy,
		start + `"workLocation":{"workLocationType":"remote","placeId":"x"},"workLocation":{"source":"manual"}}]}`: {Availability: "Busy", Activity: "Busy", WorkLocation: presence.Place{Source: "manual"}},
	} {
		answer, err := graph.Decode([]byte(body), []presence.ID{anna}, false, allFields)
		if err != nil || len(answer.Readings) != 1 || answer.Readings[0].Content.Facts() != want {
			t.Errorf("%s: got %+v, %v", body, answer, err)
		}
	}
	body := start + `"x":1},1],"value":[{"id":"` + bert.String() + `","availability":"Away","activity":"Away"}]}`
	answer, err := graph.Decode([]byte(body), []presence.ID{anna, bert}, false, allFields)
	if err != nil || len(answer.Readings) != 1 || answer.Readings[0].ID != bert || answer.Malformed+answer.UnknownProperties != 0 {
		t.Errorf("two lists: got %+v, %v", answer, err)
	}
}

func TestRowsAreMatchedById(t *testing.T) {
	client := connect(t, graph.Options{Fields: allFields}, saying(http.StatusOK, `{"value":[
		{"id":"66825E03-7EF5-42DA-9069-724602C31F6B","availability":"Away","activity":"Away"},
		{"id":"11111111-1111-1111-1111-111111111111","availability":"Busy","activity":"Busy"},
		{"availability":"Busy","activity":"Busy"},
		{"id":"nobody","availability":"Busy","activity":"Busy"},
		{"id":"00000000-0000-0000-0000-0000000000c1","displayName":"a user, not a presence"},
		null,
		{"id":"66825e03-7ef5-42da-9069-724602c31f6b","availability":"Busy","activity":"Busy","mood":{"a":[1]},"mood@odata.type":"x"}
	]}`))
	answer, err := client.Read(t.Context(), []presence.ID{anna, bert, cleo})
	if err != nil {
		t.Fatal(err)
	}
	if len(answer.Readings) != 1 || answer.Readings[0].ID != bert || answer.Readings[0].Content.Facts().Availability != "Busy" {
		t.Errorf("the last row of a user counts: got %+v", answer.Readings)
	}
	if !slices.Equal(answer.Missing, []presence.ID{anna, cleo}) {
		t.Errorf("missing %v, want anna and cleo", answer.Missing)
	}
	if answer.Foreign != 1 || answer.Malformed != 4 || answer.UnknownProperties != 2 {
		t.Errorf("got %d foreign, %d malformed, %d unknown, want 1, 4, 2", answer.Foreign, answer.Malformed, answer.UnknownProperties)
	}
}

func TestWordsOfAPresence(t *testing.T) {
	for _, tc := range []struct{ row, availability, activity string }{
		{`"availability":"inAMeeting","activity":"Juggling"`, "inAMeeting", "Juggling"},
		{`"activity":"Away","availability":"Away","availability":"Busy"`, "Busy", "Away"},
		{`"availability":null,"activity":null`, "PresenceUnknown", "PresenceUnknown"},
		{`"availability":"","activity":"Away"`, "PresenceUnknown", "Away"},
		{`"availability":"Busy"`, "Busy", "PresenceUnknown"},
		{`"availability":"B\u0075sy","\u0061ctivity":"\ud83d\ude00"`, "Busy", "😀"},
	} {
		client := connect(t, graph.Options{Kind: graph.Users}, saying(http.StatusOK, `{"id":"`+anna.String()+`",`+tc.row+`}`))
		answer, err := client.Read(t.Context(), []presence.ID{anna})
		if err != nil {
			t.Errorf("%s: %v", tc.row, err)
			continue
		}
		if facts := answer.Readings[0].Content.Facts(); facts.Availability != tc.availability || facts.Activity != tc.activity {
			t.Errorf("%s: got %+v", tc.row, facts)
		}
	}
}

func TestRequests(t *testing.T) {
	for _, tc := range []struct {
		kind                       graph.Kind
		method, path, body, answer string
		ids                        []presence.ID
	}{
		{graph.Batch, "POST", "/v1.0/communications/getPresencesByUserId", `{"ids":["` + anna.String() + `","` + bert.String() + `"]}`, `{"value":[]}`, []presence.ID{anna, bert}},
		{graph.Users, "GET", "/v1.0/users/" + anna.String() + "/presence", "", fixture(t, "single.json"), []presence.ID{anna}},
		{graph.Communications, "GET", "/v1.0/communications/presences/" + anna.String(), "", fixture(t, "single.json"), []presence.ID{anna}},
		{graph.Me, "GET", "/v1.0/me/presence", "", fixture(t, "single.json"), []presence.ID{anna}},
	} {
		t.Run(string(tc.kind), func(t *testing.T) {
			var sent []string
			client := connect(t, graph.Options{Kind: tc.kind}, func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if r.Method != tc.method || r.URL.Path != tc.path || string(body) != tc.body || err != nil {
					t.Errorf("got %s %s %s, want %s %s %s", r.Method, r.URL.Path, body, tc.method, tc.path, tc.body)
				}
				if r.Method == "GET" && (r.ContentLength != 0 || len(r.TransferEncoding) > 0) {
					t.Errorf("a GET with a body: length %d, encoding %v", r.ContentLength, r.TransferEncoding)
				}
				if got := r.Header.Get("Authorization"); got != "Bearer "+token {
					t.Errorf("authorization %q", got)
				}
				sent = append(sent, r.Header.Get("client-request-id"))
				w.Header().Set("request-id", "graph-1")
				w.Header().Set("client-request-id", sent[len(sent)-1])
				saying(http.StatusOK, tc.answer)(w, r)
			})
			for range 2 {
				answer, err := client.Read(t.Context(), tc.ids)
				if err != nil {
					t.Fatal(err)
				}
				if answer.RequestID != "graph-1" || answer.ClientRequestID != sent[len(sent)-1] {
					t.Errorf("ids %q, %q, sent %q", answer.RequestID, answer.ClientRequestID, sent)
				}
			}
			guid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
			if !guid.MatchString(sent[0]) || sent[0] == sent[1] {
				t.Errorf("want a new GUID for each request, got %q", sent)
			}
		})
	}
}

func TestBatchOf650OverGzip(t *testing.T) {
	ids, body := tenant(650)
	client := connect(t, graph.Options{Fields: presence.OutOfOffice}, func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Ids []presence.ID }
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || !slices.Equal(asked.Ids, ids) {
			t.Errorf("asked for %d ids, %v", len(asked.Ids), err)
		}
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			t.Error("gzip is not accepted")
		}
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Type", "application/json")
		w.Write(gzipped(t, body))
	})
	if client.BatchSize() != 650 {
		t.Fatalf("batch size %d", client.BatchSize())
	}
	answer, err := client.Read(t.Context(), ids)
	if err != nil || len(answer.Readings) != 650 || len(answer.Missing) != 0 {
		t.Fatalf("got %+v, %v", answer, err)
	}
}

func TestNothingIsSentForABadQuestion(t *testing.T) {
	client := connect(t, graph.Options{}, func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") })
	many, _ := tenant(651)
	for name, ids := range map[string][]presence.ID{"none": nil, "651": many, "twice": {anna, bert, anna}} {
		_, err := client.Read(t.Context(), ids)
		if failure := asError(t, err); failure.Answered || failure.ClientRequestID != "" {
			t.Errorf("%s: got %+v", name, failure)
		}
	}
}

func TestLogHasTheIdsAndNoSecrets(t *testing.T) {
	core, logs := observer.New(zap.DebugLevel)
	client := connect(t, graph.Options{Kind: graph.Users, Fields: allFields, Log: zap.New(core)}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("request-id", "graph-1")
		saying(http.StatusOK, fixture(t, "single.json"))(w, r)
	})
	if _, err := client.Read(t.Context(), []presence.ID{anna}); err != nil {
		t.Fatal(err)
	}
	entries := logs.All()
	if len(entries) != 1 {
		t.Fatalf("%d lines, want 1", len(entries))
	}
	fields := entries[0].ContextMap()
	if fields["request-id"] != "graph-1" || fields["client-request-id"] == "" {
		t.Errorf("got %v", fields)
	}
	var text bytes.Buffer
	json.NewEncoder(&text).Encode(fields)
	for _, secret := range []string{token, "Available", "Hey I am"} {
		if strings.Contains(text.String(), secret) {
			t.Errorf("the log holds %q: %s", secret, text.String())
		}
	}
}
