package auth

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxNameBytes bounds the name of a key, which stands in logs and in the policy.
const maxNameBytes = 128

// FileError lists what is wrong with an API keys file, a line each. It holds no hashes.
type FileError struct {
	File     string
	Problems []FileProblem
}

// FileProblem is one mistake.
type FileProblem struct {
	Line int // 0: the whole file
	Text string
}

// Error lists the mistakes, one a line.
func (e *FileError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = fmt.Sprintf("%s:%d: %s", e.File, p.Line, p.Text)
		if p.Line == 0 {
			lines[i] = e.File + ": " + p.Text
		}
	}
	return strings.Join(lines, "\n")
}

// parseKeys reads a YAML list of {name, sha256}. Two entries of one name are two live keys of one caller. An empty list
// is valid: every key was withdrawn. The error is a [*FileError] with all mistakes.
func parseKeys(file string, text []byte) ([]apiKey, error) {
	f := &keysFile{FileError: FileError{File: file}, lines: map[fingerprint]int{}}
	f.read(text)
	if len(f.Problems) > 0 {
		return nil, &f.FileError
	}
	return f.keys, nil
}

type keysFile struct {
	FileError
	keys  []apiKey
	lines map[fingerprint]int // where each hash stands
}

func (f *keysFile) fail(line int, format string, args ...any) {
	const reported = 20
	if len(f.Problems) == reported {
		f.Problems = append(f.Problems, FileProblem{line, "and more is wrong from here on"})
	}
	if len(f.Problems) <= reported {
		f.Problems = append(f.Problems, FileProblem{line, fmt.Sprintf(format, args...)})
	}
}

const wantList = "want a list of keys, such as - {name: wall-screen, sha256: ...}"

func (f *keysFile) read(text []byte) {
	if len(text) > maxKeysBytes || tooDeep(text) {
		f.fail(0, "is no list of keys: it is too large, or nested")
		return
	}
	root, err := parseYAML(text)
	if err != nil {
		line, what := syntax(err)
		f.fail(line, "is not YAML: %s", what)
		return
	}
	documents := 0
	for _, d := range root.Docs {
		if d.Body == nil || d.Body.Type() == ast.CommentType || d.Body.Type() == ast.NullType {
			continue
		}
		if documents++; documents > 1 {
			f.fail(lineOf(d.Body), "a second document begins here: remove the ---")
			return
		}
		list, ok := d.Body.(*ast.SequenceNode)
		if !ok {
			f.fail(lineOf(d.Body), wantList)
			return
		}
		for _, item := range list.Values {
			f.entry(item)
		}
	}
	if documents == 0 && len(f.Problems) == 0 {
		// A file that is being written is empty for a moment. That every key is withdrawn must be said.
		f.fail(0, "holds no list: write [] to have no keys")
	}
}

func (f *keysFile) entry(node ast.Node) {
	line := lineOf(node)
	var pairs []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	default:
		f.fail(line, wantList)
		return
	}
	before := len(f.Problems)
	values := map[string]string{}
	for _, pair := range pairs {
		at := lineOf(pair.Key)
		key := textOf(pair.Key)
		if _, twice := values[key]; twice {
			f.fail(at, "%s is given twice", key)
		}
		switch key {
		case "name", "sha256":
			values[key] = textOf(pair.Value)
			f.value(key, values[key], at, pair.Value)
		case "key", "secret", "value", "token":
			f.fail(at, "a key itself does not belong here: write its hash, sha256: ... (printf %%s KEY | sha256sum)")
		default:
			f.fail(at, "%.40q is unknown: a key has a name and a sha256", key)
		}
	}
	for _, key := range []string{"name", "sha256"} {
		if _, given := values[key]; !given {
			f.fail(line, "%s is missing", key)
		}
	}
	if len(f.Problems) > before {
		return
	}
	k := apiKey{name: values["name"]}
	k.print, _ = parseHash(values["sha256"]) // was judged above
	if first, twice := f.lines[k.print]; twice {
		f.fail(line, "this hash stands in line %d already", first)
		return
	}
	f.lines[k.print] = line
	f.keys = append(f.keys, k)
}

func (f *keysFile) value(key, text string, line int, node ast.Node) {
	switch _, mapping := node.(ast.MapNode); {
	case mapping || node.Type() == ast.SequenceType || node.Type() == ast.AliasType || node.Type() == ast.AnchorType || node.Type() == ast.TagType:
		f.fail(line, "%s: want a text", key)
	case key == "name" && (text == "" || len(text) > maxNameBytes || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar })):
		f.fail(line, "name: want a short text of printable characters")
	case key == "sha256":
		switch print, ok := parseHash(text); {
		case !ok:
			f.fail(line, "sha256: want 64 hexadecimal digits, the hash of the key's text (printf %%s KEY | sha256sum), not %d characters of something else", len(text))
		case print == fingerprintOf(""):
			f.fail(line, "sha256: this is the hash of nothing at all, so no key was given to it")
		}
	}
}

func parseHash(text string) (print fingerprint, ok bool) {
	if len(text) != hex.EncodedLen(len(print)) {
		return print, false
	}
	_, err := hex.Decode(print[:], []byte(text))
	return print, err == nil
}

// textOf is what a scalar says as it is written: a hash of digits alone must not become a number.
func textOf(node ast.Node) string {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value
	case *ast.LiteralNode:
		return strings.TrimSpace(n.Value.Value)
	case *ast.MappingKeyNode:
		return textOf(n.Value)
	case *ast.NullNode:
		return ""
	}
	if t := node.GetToken(); t != nil {
		return t.Value
	}
	return ""
}

func lineOf(node ast.Node) int {
	switch n := node.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return lineOf(n.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return lineOf(n.Key)
	}
	if t := node.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 0
}

// parseYAML guards against the parser's own failures: a broken file must never end the process.
func parseYAML(text []byte) (root *ast.File, err error) {
	defer func() {
		if recover() != nil {
			root, err = nil, errors.New("it cannot be parsed")
		}
	}()
	return parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
}

// syntax takes the parser's error apart: its usual form quotes the lines around the mistake.
func syntax(err error) (line int, what string) {
	var e yaml.Error
	if errors.As(err, &e) {
		if t := e.GetToken(); t != nil && t.Position != nil {
			line = t.Position.Line
		}
		return line, e.GetMessage()
	}
	return 0, "it cannot be parsed"
}

// tooDeep keeps from the parser, which calls itself, what no list of keys looks like.
func tooDeep(text []byte) bool {
	const most = 100
	depth, run := 0, 0
	for i, b := range text {
		switch b {
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(0, depth-1)
		}
		switch {
		case b == ' ':
		case (b == '-' || b == '?' || b == ':') && i+1 < len(text) && text[i+1] == ' ': // "- - -" nests
			run++
		default:
			run = 0
		}
		if depth > most || run > most {
			return true
		}
	}
	return false
}
