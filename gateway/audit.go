package gateway

import (
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/gateway/auth"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// What the audit log tells of.
const (
	auditWatch   = "watch"   // someone subscribed
	auditUnwatch = "unwatch" // and no longer, the connection living on
	auditEnd     = "end"     // the connection ended, and with it all it watched
	auditRead    = "read"    // someone asked once
)

// audited is one line of the audit log: who watched whom, and never what was seen. Whoever was denied is not in it.
type audited struct {
	At         string        `json:"at"`
	Event      string        `json:"event"`
	Subject    string        `json:"subject"` // "anonymous" for whoever presented nothing
	Address    string        `json:"address"` // or the network of it, as limits count
	Connection string        `json:"connection,omitempty"`
	Everyone   bool          `json:"everyone,omitempty"`
	Users      []presence.ID `json:"users,omitempty"`
	Groups     []presence.ID `json:"groups,omitempty"`
}

// audit writes the log. The nil audit writes nothing.
type audit struct {
	log *zap.Logger

	mu     sync.Mutex
	to     io.Writer
	failed bool
}

func newAudit(to io.Writer, log *zap.Logger) *audit {
	if to == nil {
		return nil
	}
	return &audit{to: to, log: log}
}

// write appends one line. No lock of the server's may be held: a disk may be slow.
func (a *audit) write(event string, who auth.Principal, line audited) {
	if a == nil || event == "" {
		return
	}
	line.At, line.Event, line.Subject = time.Now().UTC().Format(presence.TimeFormat), event, who.Subject
	if who.Anonymous {
		line.Subject = "anonymous"
	}
	text, err := json.Marshal(line)
	if err == nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		_, err = a.to.Write(append(text, '\n'))
	}
	if err != nil && !a.failed {
		a.log.Error("the audit log cannot be written", zap.Error(err))
	}
	a.failed = err != nil
}

// noteRead notes that the caller of an HTTP request asked for users whom they may see.
func (s *Server) noteRead(r *http.Request, users []presence.ID) {
	if v, received := r.Context().Value(visitKey{}).(*visit); received && len(users) > 0 {
		s.audit.write(auditRead, v.who, audited{Address: v.address, Users: users})
	}
}

// noteWatch notes what a request of a connection's client changed. c.mu is not held.
func (c *conn) noteWatch(n *watchNote) {
	if n.event != "" && len(n.line.Users)+len(n.line.Groups) > 0 || n.line.Everyone {
		n.line.Address, n.line.Connection = c.address, c.name()
		c.server.audit.write(n.event, n.who, n.line)
	}
}

// watchNote is what is about to be noted of a request.
type watchNote struct {
	event string
	who   auth.Principal
	line  audited
}
