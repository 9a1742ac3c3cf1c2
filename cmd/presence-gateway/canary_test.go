package main_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Canaries: each is pushed through every door, and found nowhere but in the answers it belongs to.
const (
	canaryKey      = "canary-api-key-6f2b"
	canaryForged   = "canary-forged-token-91d0"
	canaryActivity = "CanaryActivity77"
	canaryStatus   = "canary status text e4"
	canaryAway     = "canary out of office text 5c"
)

// What is secret and what is private stays out of logs (at level debug), metrics, admin pages, errors, the audit log and the
// record on disk, whatever door it came through and whatever failed meanwhile.
func TestCanaries(t *testing.T) {
	c := startCloud(t, "--api-id", gatewayID)
	users := c.people()
	folder, path, address := c.configuration(t, users, "log: {level: debug}\nprivacy: {fields: [outOfOffice, outOfOfficeMessage, statusMessage, workLocation, since]}\n")
	keys, audit, admin := filepath.Join(folder, "keys.yaml"), filepath.Join(folder, "audit"), freePort(t)
	write(t, keys, asKey("wall", canaryKey))
	text := strings.NewReplacer(`admin_listen: ""`, "admin_listen: "+admin,
		`gateway: {auth: {anonymous: true}, policy: [{who: {anonymous: true}, allow: "*"}]`, fmt.Sprintf(
			`gateway: {audit_file: %s, auth: {operator_role: wall, api_keys_file: %s, jwt: {issuer: "%s/%s/v2.0", audience: %s, required_scope: Presence.Subscribe}}, policy: [{who: {everyone: true}, allow: "*"}]`,
			audit, keys, c.authority, c.tenantID, gatewayID)).Replace(slurp(t, path))
	write(t, path, text)
	g := start(t, nil, "serve", "--config", path)
	d := &doors{t: t, address: address, user: users[0]}
	token := c.mint(fmt.Sprintf(`{"user":%q}`, users[1]))
	eventually(t, 15*time.Second, "the person to see a presence", func() bool {
		status, _ := d.call("GET", "/v1/presences/"+users[0], "", "Authorization", "Bearer "+token)
		return status == http.StatusOK
	})
	c.steer("PUT", "/sim/users/"+users[0]+"/presence", fmt.Sprintf(`{"availability":"Busy","activity":%q,"outOfOfficeSettings":{"isOutOfOffice":true,"message":%q},
		"statusMessage":{"message":{"content":%q,"contentType":"text"}}}`, canaryActivity, canaryAway, canaryStatus))
	eventually(t, 10*time.Second, "the canaries to be seen by whom they are for", func() bool {
		_, body := d.call("GET", "/v1/presences/"+users[0], "", "Authorization", "Bearer "+canaryKey)
		return strings.Contains(body, canaryActivity) && strings.Contains(body, canaryStatus) && strings.Contains(body, canaryAway)
	})
	ticket := func() string {
		_, body := d.call("POST", "/v1/tickets", "", "Authorization", "Bearer "+token)
		_, rest, _ := strings.Cut(body, `"ticket":"`)
		ticket, _, _ := strings.Cut(rest, `"`)
		if ticket == "" {
			t.Fatalf("no ticket: %s", body)
		}
		return ticket
	}
	secrets := map[string]string{"the client secret": "s3cret", "a JSON web token": "eyJ", "the key": canaryKey, "a forged token": canaryForged, "the person's token": token,
		"its signature": token[strings.LastIndex(token, ".")+1:]}
	for i, credential := range []string{canaryKey, token, canaryForged, "eyJhbGciOiJSUzI1NiJ9." + canaryForged + ".AAAA", ticket(), ticket()} {
		if i >= 4 {
			secrets[fmt.Sprintf("ticket %d", i)] = credential
		}
		d.push(credential)
	}
	// While Graph answers nonsense, what it said is not repeated.
	for _, fault := range []string{`{"malformed":{"form":"types"}}`, `{"malformed":{"form":"truncated"}}`, `{"malformed":{"form":"utf8"}}`, `{"status":{"status":503}}`, `{"unauthorized":true}`} {
		c.steer("PUT", "/sim/faults", fault)
		time.Sleep(700 * time.Millisecond) // a read and a half
	}
	c.steer("PUT", "/sim/faults", `{}`)
	write(t, keys, asKey("wall", canaryKey)+canaryForged+": [") // a broken file with a secret in the wrong place
	g.awaitLine(keys, 10*time.Second)

	found := map[string]string{}
	for _, page := range []string{"/metrics", "/livez", "/readyz", "/healthz", "/debug/users/" + users[0], "/debug/users/" + canaryForged, "/debug/pprof/", "/debug/vars", "/" + canaryForged} {
		_, body := request(t, "GET", "http://"+admin+page, "")
		found[page] = body
	}
	if body := found["/debug/users/"+users[0]]; !strings.Contains(body, `"subscribers"`) {
		t.Errorf("/debug/users says %s", body)
	}
	found["the log"] = g.said()
	if !strings.Contains(found["the log"], `"debug"`) {
		t.Error("the log is not at level debug")
	}
	found["the audit log"] = slurp(t, audit)
	if !strings.Contains(found["the audit log"], users[0]) {
		t.Error("the audit log says nothing of the user")
	}
	_ = filepath.WalkDir(filepath.Join(folder, "state"), func(path string, e os.DirEntry, _ error) error {
		if e.Type().IsRegular() {
			found[path] = slurp(t, path)
		}
		return nil
	})
	for page, body := range d.said {
		found[page] = body
	}
	for name, secret := range secrets {
		for place, text := range found {
			if strings.Contains(text, secret) {
				t.Errorf("%s is in %s: %s", name, place, around(text, secret))
			}
		}
	}
	for _, private := range []string{canaryActivity, canaryStatus, canaryAway, "DoNotDisturb", "InAMeeting", "BeRightBack"} {
		for place, text := range found {
			if strings.Contains(text, private) {
				t.Errorf("the presence is in %s: %s", place, around(text, private))
			}
		}
	}
	t.Logf("%d places searched, %d of them answers", len(found), len(d.said))
}

func around(text, part string) string {
	at := strings.Index(text, part)
	return text[max(0, at-150):min(len(text), at+len(part)+50)]
}

// doors are all ways in; said is every error that came back.
type doors struct {
	t             *testing.T
	address, user string
	said          map[string]string
}

func (d *doors) call(method, path, body string, header ...string) (int, string) {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), method, "http://"+d.address+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header[http.CanonicalHeaderKey(header[i])] = []string{header[i+1]}
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, ""
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(text)
}

// push shows a credential at every door, in every way that is right or wrong. A caller's client-request-id is not among them: it
// is there to be repeated.
func (d *doors) push(credential string) {
	if d.said == nil {
		d.said = map[string]string{}
	}
	note := func(door, text string) { d.said[fmt.Sprintf("%d %s", len(d.said), door)] = text }
	calls := [][2]string{{"GET", "/v1/presences/" + d.user}, {"GET", "/v1/presences?users=" + d.user}, {"POST", "/v1/presences/query"}, {"GET", "/v1/directory"}, {"POST", "/v1/tickets"},
		{"GET", "/v1/stats"}, {"GET", "/v1/settings"}, {"GET", "/v1/stream"}, {"DELETE", "/v1/stream"}, {"POST", "/v1/events"}, {"GET", "/v1/nowhere"}, {"GET", "/nowhere"},
		{"GET", "/graph/v1.0/me/presence"}, {"GET", "/graph/v1.0/users/" + d.user + "/presence"}, {"POST", "/graph/v1.0/$batch"}, {"POST", "/graph/v1.0/communications/getPresencesByUserId"}, {"GET", "/graph/beta/x"}}
	headers := [][2]string{{"Authorization", "Bearer " + credential}, {"Authorization", "Basic " + credential}, {"Authorization", credential}, {"Cookie", "session=" + credential}, {"Referer", "https://x.example.com/?token=" + credential},
		{"Origin", "https://" + credential}, {"Sec-WebSocket-Protocol", "presence.v1.json, bearer." + credential}, {"Last-Event-ID", credential}, {"If-None-Match", credential},
		{"X-Forwarded-For", credential}, {"X-Request-Id", credential}, {"Content-Type", credential}, {"Content-Encoding", credential}}
	for _, call := range calls {
		for _, header := range headers {
			for _, body := range []string{`{"users":["` + d.user + `"],`, credential} {
				status, text := d.call(call[0], call[1], body, header[0], header[1])
				if status >= 400 {
					note(strings.Join(call[:], " ")+" with "+header[0], text)
				}
				if call[0] == "GET" {
					break
				}
			}
		}
		for _, name := range []string{"access_token", "token", "ticket", "api_key"} {
			mark := "?"
			if strings.Contains(call[1], "?") {
				mark = "&"
			}
			if status, text := d.call(call[0], call[1]+mark+name+"="+credential, "{}"); status >= 400 {
				note(call[1]+" with "+name, text)
			}
		}
	}
	for _, path := range []string{"/" + credential, "/v1/" + credential, "/v1/presences/" + credential, "/graph/v1.0/users/" + credential + "/presence", "/v1/presences?maxAge=" + credential + "&users=" + d.user} {
		if status, text := d.call("GET", path, ""); status >= 400 {
			note("a path", text)
		}
	}
	for _, broken := range []string{credential + " / HTTP/1.1\r\n\r\n", "GET /" + credential + "\r\n\r\n", "GET / HTTP/" + credential + "\r\n\r\n", "GET / HTTP/1.1\r\n" + credential + "\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nX: " + credential + "\x00\r\n\r\n", "GET / HTTP/1.1\r\nHost: " + credential + "/\r\n\r\n", "POST /v1/tickets HTTP/1.1\r\nHost: x\r\nContent-Length: " + credential + "\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + credential + strings.Repeat("x", 100<<10) + "\r\n\r\n"} {
		x := call(d.t, d.address, 0)
		x.say(broken)
		_ = x.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		text, _ := io.ReadAll(x.r)
		note("a broken request", string(text))
	}
	for _, lines := range []string{"Authorization: Bearer " + credential + "\r\n", "Sec-WebSocket-Protocol: bearer." + credential + "\r\n", "Sec-WebSocket-Protocol: ticket." + credential + "\r\n", ""} {
		for _, message := range []string{`{"type":"authenticate","id":1,"token":"` + credential + `"}`, `{"type":"authenticate","token":"` + credential, `{"type":"` + credential + `"}`,
			`{"type":"authenticate","token":["` + credential + `"]}`, `{"type":"ping","id":"` + credential + `"}`, "{\"type\":\"authenticate\",\"token\":\"\xff" + credential + `"}`, `{"type":"subscribe","users":"` + credential + `"}`,
			`{"type":"subscribe","users":"*"}`} {
			x := call(d.t, d.address, 0)
			x.upgrade(d.t, lines)
			x.say(frame(0x81, message))
			x.say(frame(0x88, "\x03\xe8"+credential[:min(len(credential), 100)]))
			_, all := x.until(2*time.Second, "\x00never")
			for _, m := range strings.SplitAfter(string(all), "}") {
				if strings.Contains(m, `"error"`) {
					note("a message", m)
				}
			}
		}
		x := call(d.t, d.address, 0)
		x.upgrade(d.t, lines)
		x.say(frame(0xf1, credential))
		note("a broken frame", x.refused(2*time.Second))
	}
}
