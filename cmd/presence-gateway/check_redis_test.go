package main_test

import (
	"strings"
	"testing"

	"github.com/presence-gateway/presence-gateway/internal/redistest"
)

// Each trouble with Redis is told apart, with what to do about it.
func TestCheckRedis(t *testing.T) {
	server := redistest.Standalone(t, redistest.Options{Users: []string{
		"user all on >s3cret ~* &* +@all",
		"user serve on >s3cret resetchannels &presence:* %R~presence:* %RW~presence:{wants}:* -@all +hello +ping +eval +evalsha +eval_ro +evalsha_ro +get +del +hget " +
			"+hset +hdel +hmget +hgetall +hlen +pexpire +time +zadd +zrem +zrange +zremrangebyscore +subscribe",
		"user none on >s3cret ~* &* -@all +hello +ping",
	}})
	sentinels := redistest.Sentinel(t, redistest.Options{})
	c := startCloud(t)
	_, path, _ := c.configuration(t, c.people(), "")
	at := func(addrs ...string) string { return "PRESENCE_HUB_REDIS_ADDRS=" + strings.Join(addrs, ",") }
	user := func(name string) string { return "PRESENCE_HUB_REDIS_USERNAME=" + name }
	const password = "PRESENCE_HUB_REDIS_PASSWORD=s3cret"
	for _, row := range []struct {
		name string
		env  []string
		code int
		want []string
	}{
		{name: "all is well", env: []string{at(server.Addr), user("all"), password}, want: []string{"ok redis " + server.Addr + ": Redis 7.", "ok redis rights user all may serve and poll"}},
		{name: "a gateway's user", env: []string{at(server.Addr), user("serve"), password}, want: []string{"warn redis rights user serve may serve, but not poll: EVAL on presence:{check}:*", "--role gateway"}},
		{name: "a user without rights", env: []string{at(server.Addr), user("none"), password}, code: 1, want: []string{"FAIL redis rights user none may not: read states", "> give the user the rights that docs/redis.md names"}},
		{name: "a wrong password", env: []string{at(server.Addr), user("all"), "PRESENCE_HUB_REDIS_PASSWORD=gu3ss"}, code: 1, want: []string{"FAIL redis", "WRONGPASS", "> see hub.redis.username and hub.redis.password_file", "FAIL redis rights not tried"}},
		{name: "nobody there", env: []string{at("127.0.0.1:1")}, code: 1, want: []string{"FAIL redis 127.0.0.1:1: ", "refused", "> see that Redis runs there"}},
		{name: "no TLS there", env: []string{at(server.Addr), user("all"), password, "PRESENCE_HUB_REDIS_TLS=true"}, code: 1, want: []string{"FAIL redis", "TLS"}},
		{name: "a sentinel taken for a server", env: []string{at(sentinels.Addrs[0])}, code: 1, want: []string{"a sentinel answers > set hub.redis.master_name"}},
		{name: "sentinels", env: []string{at(sentinels.Addrs...), "PRESENCE_HUB_REDIS_MASTER_NAME=" + redistest.MasterName}, want: []string{"ok redis 127.", "ok redis rights user default may serve and poll"}},
		{name: "another primary's name", env: []string{at(sentinels.Addrs...), "PRESENCE_HUB_REDIS_MASTER_NAME=nobody"}, code: 1, want: []string{"the sentinels know no primary called nobody"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			code, said := checked(t, path, append(row.env, "PRESENCE_HUB_KIND=redis")...)
			for _, want := range row.want {
				if !strings.Contains(said, want) {
					t.Errorf("not said: %s", want)
				}
			}
			if code != row.code || strings.Contains(said, "s3cret") || strings.Contains(said, "gu3ss") {
				t.Errorf("exit code %d, want %d; said %s", code, row.code, said)
			}
		})
	}
	sentinels.Sentinels[1].Kill()
	sentinels.Sentinels[2].Kill()
	said := ""
	redistest.Await(t, "a lease cannot be granted", func() bool {
		_, said = checked(t, path, "PRESENCE_HUB_KIND=redis", at(sentinels.Addrs...), "PRESENCE_HUB_REDIS_MASTER_NAME="+redistest.MasterName)
		return strings.Contains(said, "FAIL redis lease")
	})
	if !strings.Contains(said, "> see that a majority of the sentinels runs") {
		t.Errorf("said %s", said)
	}
}
