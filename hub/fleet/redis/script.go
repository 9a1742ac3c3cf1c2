package redis

import (
	"context"
	"embed"
	"errors"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

//go:embed lua/*.lua
var sources embed.FS

// script is one operation. It is run by its hash; a server that does not know it is given the text. Those that only read
// are run in a way that a user without the right to write may use.
type script struct {
	name, text string
	*goredis.Script
	reads bool
}

func newScript(name string, reads bool) *script {
	text, err := sources.ReadFile("lua/" + name + ".lua")
	if err != nil {
		panic(err) // embedded
	}
	return &script{name: name, text: string(text), Script: goredis.NewScript(string(text)), reads: reads}
}

var (
	appendScript     = newScript("append", false)
	loadScript       = newScript("load", true)
	acquireScript    = newScript("acquire", false)
	renewScript      = newScript("renew", false)
	releaseScript    = newScript("release", false)
	generationScript = newScript("generation", false)
	budgetScript     = newScript("budget", false)
	postScript       = newScript("post", false)
	wantsScript      = newScript("wants", true)
	tellScript       = newScript("tell", false)
	toldScript       = newScript("told", true)
)

// run runs the script once. Where Redis does not know it, it is given the text in a second call.
func (sc *script) run(ctx context.Context, c goredis.Scripter, keys []string, args ...any) (any, error) {
	if sc.reads {
		answer, err := c.EvalShaRO(ctx, sc.Hash(), keys, args...).Result()
		if unknownScript(err) {
			answer, err = c.EvalRO(ctx, sc.text, keys, args...).Result()
		}
		return answer, err
	}
	answer, err := c.EvalSha(ctx, sc.Hash(), keys, args...).Result()
	if unknownScript(err) {
		answer, err = c.Eval(ctx, sc.text, keys, args...).Result()
	}
	return answer, err
}

func unknownScript(err error) bool {
	var said goredis.Error
	return errors.As(err, &said) && strings.HasPrefix(said.Error(), "NOSCRIPT")
}
