package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxBytes bounds the file: a longer list of users belongs into watch.users_file.
const maxBytes = 4 << 20

// mergesAtMost bounds what "<<" may copy in, so that no file can grow by being read.
const mergesAtMost = 1000

// decoder walks a YAML tree and the configuration side by side, and goes on after a mistake.
type decoder struct {
	file     string
	problems Problems
	lines    map[string]int // where each key that the file gives stands
	anchors  map[string]ast.Node
	merges   int
}

// decodeFile lays the file's text over c.
func (d *decoder) decodeFile(text []byte, c *Config) {
	if len(text) > maxBytes {
		d.fail(0, "", fmt.Sprintf("is larger than %d MiB: put long lists of users into watch.users_file", maxBytes>>20))
		return
	}
	if tooDeep(text) {
		d.fail(0, "", "is nested far deeper than any configuration")
		return
	}
	root, err := parse(text)
	if err != nil {
		line, what := syntax(err)
		d.fail(line, "", "is not YAML: "+what)
		return
	}
	documents := slices.DeleteFunc(root.Docs, func(doc *ast.DocumentNode) bool {
		return doc.Body == nil || doc.Body.Type() == ast.CommentType
	})
	if len(documents) == 0 {
		d.fail(0, "", "is empty: it must at least say who is watched, with which credential, and who may see them")
		return
	}
	if len(documents) > 1 {
		d.fail(lineOf(documents[1].Body), "", "a second document begins here: one file holds one configuration, so remove the ---")
		return
	}
	if documents[0].Body.Type() == ast.NullType {
		d.fail(0, "", "is empty: it must at least say who is watched, with which credential, and who may see them")
		return
	}
	d.value(documents[0].Body, "", reflect.ValueOf(c).Elem())
}

// parse guards against the parser's own failures: a broken file must never end the program with a trace.
func parse(text []byte) (root *ast.File, err error) {
	defer func() {
		if recover() != nil {
			root, err = nil, errors.New("it cannot be parsed")
		}
	}()
	return parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
}

// syntax takes the parser's error apart. Its usual form quotes the lines around the mistake, which may hold what
// must not be logged.
func syntax(err error) (line int, what string) {
	var e yaml.Error
	if errors.As(err, &e) {
		if token := e.GetToken(); token != nil && token.Position != nil {
			line = token.Position.Line
		}
		return line, e.GetMessage()
	}
	return 0, "it cannot be parsed"
}

// tooDeep says whether brackets alone nest deeper than the parser, which calls itself, should be trusted with.
func tooDeep(text []byte) bool {
	depth, spaces := 0, 0
	lineStart := true
	for _, b := range text {
		switch {
		case b == '\n':
			lineStart, spaces = true, 0
			continue
		case lineStart && (b == ' ' || b == '-' || b == '?' || b == ':'):
			spaces++
		case b == '[' || b == '{':
			depth++
		case b == ']' || b == '}':
			depth = max(0, depth-1)
		}
		if b != ' ' && b != '-' && b != '?' && b != ':' {
			lineStart = false
		}
		if depth > 200 || lineStart && spaces > 1000 {
			return true
		}
	}
	return false
}

func (d *decoder) fail(line int, key, text string) {
	d.problems = append(d.problems, Problem{File: d.file, Line: line, Key: key, Text: text})
}

// decodes is what a type has that may be written in more than one form. It takes the node, or leaves it to the
// walker.
type decodes interface {
	decode(node ast.Node) (done bool, problem string)
}

func (d *decoder) value(node ast.Node, key string, v reflect.Value) {
	node, ok := d.resolve(node, key)
	if !ok {
		return
	}
	d.lines[key] = lineOf(node)
	if own, ok := v.Addr().Interface().(decodes); ok {
		done, problem := own.decode(node)
		if problem != "" {
			d.fail(lineOf(node), key, problem)
		}
		if done {
			return
		}
	}
	switch t := v.Type(); {
	case isScalar(t):
		d.scalar(node, key, v)
	case node.Type() == ast.NullType: // a heading whose lines are all commented out
	case t.Kind() == reflect.Struct:
		d.members(node, key, v, map[string]int{}, false)
	case t.Kind() == reflect.Slice:
		d.list(node, key, v)
	}
}

// resolve follows anchors and aliases to the value itself.
func (d *decoder) resolve(node ast.Node, key string) (ast.Node, bool) {
	for range 100 {
		switch n := node.(type) {
		case *ast.AnchorNode:
			d.anchors[n.Name.String()] = n.Value
			node = n.Value
		case *ast.AliasNode:
			target, known := d.anchors[n.Value.String()]
			if !known {
				d.fail(lineOf(node), key, fmt.Sprintf("*%s names no anchor above it: write &%[1]s where it is meant to point", n.Value.String()))
				return nil, false
			}
			node = target
		case *ast.TagNode:
			d.fail(lineOf(node), key, "has a tag: write the value without "+n.Start.Value)
			return nil, false
		case nil:
			d.fail(0, key, "has no value")
			return nil, false
		default:
			return node, true
		}
	}
	d.fail(lineOf(node), key, "is an alias of itself")
	return nil, false
}

func (d *decoder) scalar(node ast.Node, key string, v reflect.Value) {
	line := lineOf(node)
	refuse := func() {
		d.fail(line, key, fmt.Sprintf("is %s: want %s", kindOf(node), wanted(v.Type())))
	}
	var text string
	switch t := v.Type(); node.Type() {
	case ast.NullType:
		d.fail(line, key, `has no value: write "" for none, or leave the key out for its default`)
		return
	case ast.StringType, ast.LiteralType:
		if t.Kind() == reflect.Bool || t.Kind() == reflect.Int {
			refuse()
			return
		}
		text, _ = textOf(node)
	case ast.IntegerType:
		if t != durationType && t.Kind() != reflect.Int {
			refuse()
			return
		}
		text = node.GetToken().Value
	case ast.BoolType:
		if t.Kind() != reflect.Bool {
			refuse()
			return
		}
		text = "false"
		if node.(*ast.BoolNode).Value {
			text = "true"
		}
	default:
		refuse()
		return
	}
	if problem := parseScalar(text, v); problem != "" {
		d.fail(line, key, problem)
	}
}

func (d *decoder) list(node ast.Node, key string, v reflect.Value) {
	line := lineOf(node)
	sequence, ok := node.(*ast.SequenceNode)
	if !ok {
		d.fail(line, key, fmt.Sprintf("is %s: want %s", kindOf(node), wanted(v.Type())))
		return
	}
	items := reflect.MakeSlice(v.Type(), len(sequence.Values), len(sequence.Values))
	for i, item := range sequence.Values {
		d.value(item, fmt.Sprintf("%s[%d]", key, i), items.Index(i))
	}
	v.Set(items)
}

// members takes the keys of one mapping. Those merged in with "<<" come after its own, and give way to them.
func (d *decoder) members(node ast.Node, key string, v reflect.Value, seen map[string]int, merged bool) {
	var values []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		d.fail(lineOf(node), key, fmt.Sprintf("is %s: want %s", kindOf(node), wanted(v.Type())))
		return
	}
	fields, names := fieldsOf(v)
	own := map[string]bool{}
	for _, member := range values {
		if member.Key.IsMergeKey() {
			continue
		}
		name, isText := textOf(member.Key)
		if !isText {
			name = member.Key.GetToken().Value
		}
		path, line := join(key, name), lineOf(member.Key)
		if first, twice := seen[name]; twice {
			if !merged || own[name] {
				d.fail(line, path, fmt.Sprintf("is given twice: first in line %d; keep one of them", first))
			}
			continue
		}
		seen[name], own[name] = line, true
		field, known := fields[name]
		switch {
		case !known:
			d.fail(line, path, unknownKey(name, names))
		case field.Type() == secretType:
			d.fail(line, path, fmt.Sprintf("a secret is never written into the configuration: name a file that holds it with %s_file, or set %s",
				name, variable(path)))
		default:
			d.value(member.Value, path, field)
		}
	}
	for _, member := range values {
		if member.Key.IsMergeKey() {
			d.merge(member.Value, key, v, seen)
		}
	}
}

func (d *decoder) merge(node ast.Node, key string, v reflect.Value, seen map[string]int) {
	if d.merges++; d.merges > mergesAtMost {
		if d.merges == mergesAtMost+1 {
			d.fail(lineOf(node), key, "merges too much, or itself")
		}
		return
	}
	node, ok := d.resolve(node, key)
	if !ok {
		return
	}
	if sequence, ok := node.(*ast.SequenceNode); ok {
		for _, item := range sequence.Values {
			d.merge(item, key, v, seen)
		}
		return
	}
	d.members(node, key, v, seen, true)
}

func unknownKey(name string, known []string) string {
	if meant, ok := suggest(name, known); ok {
		return fmt.Sprintf("unknown key; did you mean %s?", meant)
	}
	return "unknown key; known here: " + strings.Join(known, ", ")
}

// fieldsOf answers the members of a struct by their keys, and the keys that may be written, in order.
func fieldsOf(v reflect.Value) (fields map[string]reflect.Value, names []string) {
	fields = make(map[string]reflect.Value, v.NumField())
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("yaml")
		if name == "-" {
			continue
		}
		fields[name] = v.Field(i)
		if v.Field(i).Type() != secretType {
			names = append(names, name)
		}
	}
	return fields, names
}

func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}
