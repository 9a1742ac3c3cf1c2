package main

import (
	"cmp"
	"encoding/json"
	"net/http"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/graphsim"
	"github.com/presence-gateway/presence-gateway/internal/graphsim/authority"
)

// peopleOf lets the tenant's people sign in.
func (l *login) peopleOf(tenant *graphsim.Tenant) {
	l.SetPeople(func() []authority.User {
		people := tenant.People()
		users := make([]authority.User, len(people))
		for i, p := range people {
			users[i] = authority.User{ID: p.ID, Name: p.Mail, DisplayName: p.DisplayName}
		}
		return users
	})
}

// bespoke is a token that is asked for by hand.
type bespoke struct {
	User     string         `json:"user"`     // object id; left out: an application's token
	ClientID string         `json:"clientId"` // left out: the application that reads from Graph
	Audience string         `json:"audience"` // left out: --api-id
	Version  int            `json:"version"`  // 1 or 2
	Scopes   []string       `json:"scopes"`   // left out, of a person: --api-scope
	Roles    []string       `json:"roles"`
	Groups   []string       `json:"groups"`
	Seconds  float64        `json:"expiresInSeconds"`
	Claims   map[string]any `json:"claims"` // laid over; null takes away
	Header   map[string]any `json:"header"`
}

// mint answers a token that nobody had to sign in for.
func (l *login) mint(w http.ResponseWriter, r *http.Request) {
	var b bespoke
	if !understood(w, r, &b) {
		return
	}
	root := l.root
	if root == "" {
		root = "https://" + r.Host
	}
	t := authority.Access{Root: root, Audience: cmp.Or(b.Audience, l.flags.apiID), Version: b.Version, ClientID: cmp.Or(b.ClientID, l.flags.clientID),
		Scopes: b.Scopes, Roles: b.Roles, Groups: b.Groups, Life: time.Duration(b.Seconds * float64(time.Second)), Claims: b.Claims, Header: b.Header}
	if b.User != "" {
		t.User = &authority.User{ID: b.User, Name: b.User}
		if t.Scopes == nil {
			t.Scopes = []string{l.flags.apiScope}
		}
	}
	token, err := l.Mint(t)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"token": token})
}

func (l *login) assign(w http.ResponseWriter, r *http.Request) {
	var to authority.Assignment
	if understood(w, r, &to) {
		l.Assign(r.PathValue("id"), to)
		w.WriteHeader(http.StatusNoContent)
	}
}

func (l *login) rollKeys(w http.ResponseWriter, r *http.Request) {
	var how struct {
		Withdraw bool `json:"withdraw"`
	}
	if !understood(w, r, &how) {
		return
	}
	if err := l.RollKeys(how.Withdraw); err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (l *login) spoilKeys(w http.ResponseWriter, r *http.Request) {
	var f struct {
		Status    int    `json:"status"`
		DelayMs   int    `json:"delayMs"`
		Empty     bool   `json:"empty"`
		Garbage   bool   `json:"garbage"`
		HugeBytes int    `json:"hugeBytes"`
		Redirect  string `json:"redirect"`
	}
	if !understood(w, r, &f) {
		return
	}
	if f.Status != 0 && (f.Status < 200 || f.Status > 599) {
		refuse(w, http.StatusBadRequest, "status: want 200 to 599")
		return
	}
	l.SetKeysFault(&authority.KeysFault{Status: f.Status, Delay: time.Duration(f.DelayMs) * time.Millisecond, Empty: f.Empty, Garbage: f.Garbage, HugeBytes: f.HugeBytes, Redirect: f.Redirect})
	w.WriteHeader(http.StatusNoContent)
}
