package config

import (
	"reflect"

	"github.com/goccy/go-yaml/ast"
)

// Decode reads a file without judging its values, and answers which keys it gave.
func Decode(file string, text []byte) (*Config, map[string]int, Problems) {
	c := Default()
	d := &decoder{file: file, lines: map[string]int{}, anchors: map[string]ast.Node{}}
	d.decodeFile(text, c)
	return c, d.lines, d.problems
}

// Keys lists every key of the tree that a file may give, and the variable of each.
func Keys() map[string]string {
	keys := map[string]string{}
	walk(reflect.ValueOf(Default()).Elem(), "", func(key string, v reflect.Value) {
		if v.Type() != secretType {
			keys[key] = variable(key)
		}
	})
	return keys
}
