package poller

import (
	"cmp"
	"context"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Watch is who is read.
type Watch struct {
	Users     []presence.ID
	UsersFile string        // one id per line, # comments; "" is none
	Groups    []presence.ID // expanded by Members
	OnDemand  bool          // also who somebody watches, as Term.Wants tells
	Linger    time.Duration // for how long after the last who watched; default 60 s
	Directory bool          // read names: with the groups' members, and apart those of Users and UsersFile; see Poller.Lookup
	MaxUsers  int           // beyond it nobody is read; default 1,000,000

	// Known is what another process knew that read before this one: its groups' members are read at once, and stay until
	// Members has answered, names likewise. nil: nothing.
	Known *presence.Directory

	OptedOutFile string // who is never read, whatever the rest says; same form as UsersFile

	GroupsRefreshInterval time.Duration // also of names; default 10 min
	// Members returns a group with all its users, and with names what is known of them. (*graph.Client).Members is
	// one. Needed if there are Groups.
	Members func(ctx context.Context, group presence.ID, names bool) (presence.Group, []presence.Person, error)
}

func (w Watch) withDefaults() Watch {
	w.Linger = cmp.Or(w.Linger, time.Minute)
	w.MaxUsers = cmp.Or(w.MaxUsers, 1_000_000)
	w.GroupsRefreshInterval = cmp.Or(w.GroupsRefreshInterval, 10*time.Minute)
	return w
}
