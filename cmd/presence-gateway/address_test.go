package main_test

import (
	"strings"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

// Who is read on demand can be asked for by e-mail address, watched by anyone before or not; one who opted out cannot,
// and one that nobody has is no address.
func TestSubscribeByAddress(t *testing.T) {
	tn := startTenant(t, "--users", "60", "--seed", "5")
	var answer struct {
		Value []struct{ ID, Mail string }
	}
	tn.ask("GET", "/sim/users?top=60", "", &answer)
	listed, far, hidden := answer.Value[0], answer.Value[50], answer.Value[51]
	dir := t.TempDir()
	write(t, dir+"/users", listed.ID+"\n")
	write(t, dir+"/out", hidden.ID+"\n")
	g := startGateway(t, tn, t.TempDir(), "privacy: {opted_out_users_file: "+dir+"/out}\n"+openDoor,
		"PRESENCE_WATCH_USERS_FILE="+dir+"/users", "PRESENCE_WATCH_ON_DEMAND=true", "PRESENCE_WATCH_DIRECTORY=true")

	eventually(t, 15*time.Second, "the name of who is listed", func() bool {
		_, body := request(t, "GET", "http://"+g.address+"/v1/directory", "")
		return strings.Contains(body, listed.ID) && strings.Contains(body, `"displayName":"`)
	})
	c := dial(t, g.address)
	c.send(map[string]any{"type": "subscribe", "id": 1, "users": []string{listed.Mail, far.Mail, hidden.Mail, "nobody@contoso.example"}})
	m, err := c.until(5*time.Second, func(m wire.Message) bool { return m.Type == wire.Snapshot })
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Resolved) != 2 || m.Resolved[listed.Mail].String() != listed.ID || m.Resolved[far.Mail].String() != far.ID || len(m.Invalid) != 2 {
		t.Errorf("snapshot %+v", m)
	}
	tn.setPresence(far.ID, "DoNotDisturb", "Presenting")
	if _, err := c.until(10*time.Second, func(m wire.Message) bool { return availability(m, far.ID) == "DoNotDisturb" }); err != nil {
		t.Fatal(err)
	}
	if status, body := request(t, "GET", "http://"+g.address+"/v1/presences?users="+far.Mail, ""); status != 200 || !strings.Contains(body, far.ID) {
		t.Errorf("over HTTP: %d %s", status, body)
	}
}
