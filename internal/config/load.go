package config

import (
	"github.com/goccy/go-yaml/ast"
	"os"
)

// Load reads the file at path and lays environ (in the form of [os.Environ]) over it. Whatever is wrong is in the
// error, which is [Problems], all of it. Notices are what should be logged: things that have no effect.
func Load(path string, environ []string) (c *Config, notices []string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, Problems{{File: path, Text: "cannot be read: " + reason(err)}}
	}
	return Parse(path, text, environ)
}

// Parse is [Load] for the text of a file.
func Parse(file string, text []byte, environ []string) (c *Config, notices []string, err error) {
	c = Default()
	d := &decoder{file: file, lines: map[string]int{}, anchors: map[string]ast.Node{}}
	d.decodeFile(text, c)
	o := &overlay{set: map[string]string{}}
	o.apply(environ, c)

	v := &validation{file: file, lines: d.lines, variables: o.set, problems: append(d.problems, o.problems...), notices: o.notices}
	// A file that is no configuration at all has one problem, not all those that follow from its being empty.
	if len(d.lines) > 0 || len(d.problems) == 0 {
		v.run(c)
	}
	if len(v.problems) > 0 {
		return nil, v.notices, v.problems.sorted()
	}
	return c, v.notices, nil
}
