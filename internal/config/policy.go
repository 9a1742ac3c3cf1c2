package config

import (
	"github.com/goccy/go-yaml/ast"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Rule lets some callers see some users.
type Rule struct {
	Who    Who      `yaml:"who"`
	Allow  Allow    `yaml:"allow"`
	Fields []string `yaml:"fields"` // nil: all of privacy.fields
}

// Who is the callers a rule speaks of: exactly one of its members is set.
type Who struct {
	Anonymous bool          `yaml:"anonymous"`
	Everyone  bool          `yaml:"everyone"`
	Roles     []string      `yaml:"roles"`
	Groups    []presence.ID `yaml:"groups"`
	Keys      []string      `yaml:"keys"`
	Subjects  []string      `yaml:"subjects"`
}

// Allow is the users a rule lets them see: everyone, or those named and the members of the groups named.
type Allow struct {
	All    bool          `yaml:"-"`
	Users  []presence.ID `yaml:"users"`
	Groups []presence.ID `yaml:"groups"`
}

// decode takes "*" for everyone; a mapping is left to the walker.
func (a *Allow) decode(node ast.Node) (done bool, problem string) {
	text, isText := textOf(node)
	switch {
	case isText && text == "*":
		a.All = true
		return true, ""
	case node.Type() == ast.MappingType || node.Type() == ast.MappingValueType:
		return false, ""
	}
	return true, `want "*", or a mapping such as {users: [...], groups: [...]}`
}

// Set is the fields this rule shows, out of those that are kept.
func (r Rule) Set(kept presence.Fields) presence.Fields {
	if r.Fields == nil {
		return kept
	}
	set, _ := presence.ParseFields(r.Fields)
	return set & kept
}
