package redistest

import "strings"

// Options of the servers that a test wants. The zero value is a server that keeps nothing over a restart, without
// TLS, open to the default user.
type Options struct {
	// Users are the ACL lines of who may come in, each as in an ACL file: "user NAME on >PASSWORD ...". With any, the
	// default user is off. The harness keeps a user of its own.
	Users []string
	// SentinelUsers are the same for the sentinels, which know few commands. They have users where the servers do.
	SentinelUsers []string
	// TLS lets servers listen with TLS alone, under a certificate authority of their own, see [Server.CAFile].
	TLS bool
	// Persist keeps data over a restart (an append-only file, synced at every write).
	Persist bool
	// Config are further lines of redis.conf.
	Config []string
	// Replicas of the primary under Sentinel; default 1.
	Replicas int
	// DownAfter is after how many milliseconds of silence Sentinel, or the Cluster, takes a server for dead; default
	// 1000 for Sentinel, 2000 for the Cluster.
	DownAfter int
}

// The harness's own user, where there are users.
const (
	keeper         = "keeper"
	keeperPassword = "the-keeper-of-this-test"
)

func (o *Options) acl() string {
	lines := append([]string{"user default off", "user " + keeper + " on >" + keeperPassword + " ~* &* +@all"}, o.Users...)
	return strings.Join(lines, "\n") + "\n"
}
