package wire_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

var update = flag.Bool("update", false, "write the golden files anew")

func id(t testing.TB, text string) presence.ID {
	t.Helper()
	id, err := presence.ParseID(text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// Every message, as it stands on the wire. The files are what other implementations are held against.
func TestGolden(t *testing.T) {
	anna := id(t, "fa8bf3dc-eca7-46b7-bad1-db199b62afc3")
	ben := id(t, "00000000-0000-0000-0000-00000000000b")
	team := id(t, "10000000-0000-0000-0000-000000000001")
	at := time.Date(2026, 1, 31, 9, 30, 0, 123456789, time.UTC)
	content := presence.Intern(presence.Facts{Availability: "Busy", Activity: "InACall", OutOfOffice: presence.False}, presence.OutOfOffice)
	state := presence.State{ID: anna, Content: content, Version: presence.Version{Generation: 1, Sequence: "A0129311063"}}
	snapshot := func(numbered string, more bool) []byte {
		b := wire.OpenSnapshot(nil, numbered)
		b = state.AppendJSON(b, presence.OutOfOffice, at)
		b = wire.CloseList(b)
		b = wire.AppendIDs(b, "pending", []presence.ID{ben})
		b = wire.AppendIDs(b, "gone", nil)
		b = wire.AppendIDs(b, "denied", []presence.ID{ben, team})
		b = wire.AppendStrings(b, "invalid", []string{"nobody", `"<quoted>"`})
		b = wire.AppendResolved(b, []wire.Resolution{{Mail: "anna@example.com", ID: anna}})
		b = wire.AppendMemberships(b, "members", []wire.Membership{{Group: team, Users: []presence.ID{anna, ben}}, {Group: ben}})
		return wire.Close(b, more)
	}
	delta := func() []byte {
		b := wire.CloseList(state.AppendJSON(wire.OpenDelta(nil), 0, at))
		b = wire.AppendMemberships(b, "joined", []wire.Membership{{Group: team, Users: []presence.ID{anna}}})
		b = wire.AppendMemberships(b, "left", []wire.Membership{{Group: team, Users: []presence.ID{ben}}})
		return wire.Close(b, false)
	}
	for name, message := range map[string][]byte{
		"hello":           wire.AppendHello(nil, "k3-1", 10*time.Second, wire.Limits{UsersPerMessage: 5000, UsersPerConnection: 10000, MessageBytes: 1 << 20, MessagesPerSecond: 20}),
		"hello-fraction":  wire.AppendHello(nil, "k3-1", 250*time.Millisecond, wire.Limits{}),
		"status-live":     wire.AppendStatus(nil, presence.Status{}),
		"status-degraded": wire.AppendStatus(nil, presence.Status{Reason: presence.GraphUnavailable, Since: at}),
		"snapshot":        snapshot("1", false),
		"snapshot-part":   snapshot("", true),
		"list":            wire.Close(wire.CloseList(wire.OpenList(nil)), false),
		"delta":           delta(),
		"gone-unknown":    wire.AppendGone(nil, []presence.ID{anna, ben}, wire.Unknown),
		"gone-unwatched":  wire.AppendGone(nil, []presence.ID{anna}, wire.Unwatched),
		"heartbeat":       wire.AppendHeartbeat(nil, at, at.Add(-3*time.Second)),
		"heartbeat-empty": wire.AppendHeartbeat(nil, at, time.Time{}),
		"ack":             wire.AppendAck(nil, "2"),
		"ack-unnumbered":  wire.AppendAck(nil, ""),
		"error":           wire.AppendError(nil, "3", &wire.Error{Code: wire.BadMessage, Message: "users: want a list at byte 12"}),
		"pong":            wire.AppendPong(nil, "4", at, []wire.Observation{{ID: anna, At: at}, {ID: ben, At: at}}),
		"expiring":        wire.AppendExpiring(nil, 5*time.Minute),
		"goodbye":         wire.AppendGoodbye(nil, wire.Draining, 1200*time.Millisecond),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", "golden", name+".json")
			if *update {
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, append(message, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got := append(message, '\n'); !bytes.Equal(got, want) {
				t.Errorf("got  %swant %s", got, want)
			}
			var m wire.Message
			if err := json.Unmarshal(message, &m); err != nil {
				t.Errorf("a client cannot read it: %v", err)
			}
		})
	}
}
