package config

import (
	"os"

	"github.com/goccy/go-yaml/ast"
)

// Load reads the file at path and lays environ (in the form of [os.Environ]) over it. Whatever is wrong is in the
// error, which is [Problems], all of it. Notices are what should be logged: things that have no effect.
func Load(path string, environ []string, judges ...Judge) (c *Config, notices []string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, Problems{{File: path, Text: "cannot be read: " + reason(err)}}
	}
	return Parse(path, text, environ, judges...)
}

// Judge finds what this package cannot: values that a part of the program refuses, and mistakes in files that the
// configuration names. It is asked about configurations whose Part is good so far.
type Judge struct {
	Part string // a key, such as graph
	// Unused says that this program has no use for the Part, as a gateway without a poller has none for a credential:
	// nothing in it is asked for, or impossible.
	Unused bool
	// Find answers the mistakes: each with the key that is wrong, or with the File and Line of another file.
	Find func(*Config) Problems
}

// Parse is [Load] for the text of a file.
func Parse(file string, text []byte, environ []string, judges ...Judge) (c *Config, notices []string, err error) {
	c = Default()
	d := &decoder{file: file, lines: map[string]int{}, anchors: map[string]ast.Node{}}
	d.decodeFile(text, c)
	o := &overlay{set: map[string]string{}}
	o.apply(environ, c)

	v := &validation{file: file, lines: d.lines, variables: o.set, problems: append(d.problems, o.problems...), notices: o.notices}
	// A file that is no configuration at all has one problem, not all those that follow from its being empty.
	if len(d.lines) > 0 || len(d.problems) == 0 {
		for _, judge := range judges {
			if judge.Unused {
				v.unused = append(v.unused, judge.Part)
			}
		}
		v.run(c)
		for _, judge := range judges {
			if judge.Find == nil || v.failedBelow(judge.Part) {
				continue
			}
			for _, p := range judge.Find(c) {
				if p.File != "" {
					v.problems = append(v.problems, p)
				} else {
					v.fail(p.Key, "%s", p.Text)
				}
			}
		}
	}
	if len(v.problems) > 0 {
		return nil, v.notices, v.problems.sorted()
	}
	return c, v.notices, nil
}
