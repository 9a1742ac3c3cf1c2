package config

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// validation finds values that are well formed and still impossible, alone or together.
type validation struct {
	file      string
	lines     map[string]int
	variables map[string]string
	problems  Problems
	notices   []string
	unused    []string // parts that are not judged
}

func (v *validation) run(c *Config) {
	v.listeners(c)
	v.graph(&c.Graph)
	watched := v.watch(&c.Watch)
	if c.Graph.Read == "me" && (watched > 1 || len(c.Watch.Groups) > 0 || c.Watch.OnDemand) {
		v.fail("graph.read", "me reads whoever is signed in, and nobody else: watch that one user, or read batch")
	}
	v.hub(&c.Hub)
	v.privacy(&c.Privacy)
	v.gateway(&c.Gateway)
	v.doors(c)
	v.policy(c)
}

// given reports whether the file or the environment says anything of key.
func (v *validation) given(key string) bool {
	_, inFile := v.lines[key]
	_, inVariable := v.variables[key]
	return inFile || inVariable
}

// fail notes a mistake in key, at the place that set it. A value that could not even be read is not judged again.
func (v *validation) fail(key, format string, args ...any) {
	for _, part := range v.unused {
		if key == part || strings.HasPrefix(key, part+".") {
			return
		}
	}
	for _, p := range v.problems {
		if p.Key == key {
			return
		}
	}
	p := Problem{File: v.file, Key: key, Text: fmt.Sprintf(format, args...)}
	if name, ok := v.variables[key]; ok {
		p.Variable = name
	} else {
		p.Line = v.line(key)
	}
	v.problems = append(v.problems, p)
}

// line is where key stands; for a key that is missing from a mapping that is there, where that begins.
func (v *validation) line(key string) int {
	for {
		if line, ok := v.lines[key]; ok {
			return line
		}
		dot := strings.LastIndexByte(key, '.')
		if dot < 0 {
			return 0
		}
		key = key[:dot]
	}
}

func (v *validation) notice(format string, args ...any) {
	v.notices = append(v.notices, fmt.Sprintf(format, args...))
}

func (v *validation) oneOf(key, value string, known ...string) bool {
	for _, k := range known {
		if value == k {
			return true
		}
	}
	hint := ""
	if meant, ok := suggest(value, known); ok {
		hint = "; did you mean " + meant + "?"
	}
	v.fail(key, "%s is unknown: want %s%s", quote(value), either(known), hint)
	return false
}

func either(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

func (v *validation) atLeast(key string, value, least int) {
	if value < least {
		v.fail(key, "is %d: want %d or more", value, least)
	}
}

func (v *validation) between(key string, value, least, most time.Duration) {
	switch {
	case value < 0:
		v.fail(key, "is %s, and time does not run backwards: want %s or more", value, least)
	case value < least:
		v.fail(key, "is %s: want %s or more", value, least)
	case value > most:
		v.fail(key, "is %s: want %s at most", value, most)
	}
}

// reason is an error of the file system without the path, which the message names already.
func reason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}
