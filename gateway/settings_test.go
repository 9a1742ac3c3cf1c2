package gateway_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/web"
)

// Whoever embeds the widget learns where it stands under a name of its own, and what it must be there.
func TestSettingsNameFiles(t *testing.T) {
	files := web.Files()
	w := newWorld(t, 1, gateway.Options{Files: files, Pages: web.Handler()})
	var said struct{ Files map[string]web.Built }
	if a := w.call("GET", "/v1/settings", ""); json.Unmarshal([]byte(a.body), &said) != nil || said.Files["widget.js"] != files["widget.js"] || len(said.Files) != len(files) {
		t.Fatalf("%d %s", a.status, a.body)
	}
	for name, built := range said.Files {
		if a := w.call("GET", built.Path, ""); a.status != http.StatusOK {
			t.Errorf("%s: %d", name, a.status)
		}
	}
}

// A ticket is of one use: asking for the settings with it must not be that use.
func TestSettingsSpendNoTicket(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{Door: good(), Policy: signedIn, OperatorRole: "good"})
	a := w.call("POST", "/v1/tickets", "", "Authorization", "Bearer good")
	var issued struct{ Ticket string }
	if err := json.Unmarshal([]byte(a.body), &issued); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
	if a := w.call("GET", "/v1/settings", "", "Sec-WebSocket-Protocol", "ticket."+issued.Ticket); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
	c, _, err := w.tryDial()
	if err != nil {
		t.Fatal(err)
	}
	c.send(`{"type":"authenticate","id":1,"token":"` + issued.Ticket + `"}`)
	for m := c.next(); m.Type != "ack"; m = c.next() {
		if m.Type == "error" {
			t.Fatalf("%+v", m)
		}
	}
}
