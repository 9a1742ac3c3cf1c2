package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

const variablePrefix = "PRESENCE_"

// elsewhere are variables with our prefix that other commands read.
var elsewhere = []string{"PRESENCE_TOKEN"}

// variable is the environment's name for a key.
func variable(key string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// overlay is what the environment says.
type overlay struct {
	problems Problems
	notices  []string
	set      map[string]string // key -> variable
}

// apply lays variables over c. environ has the form of [os.Environ]; of a variable given twice the last counts.
func (o *overlay) apply(environ []string, c *Config) {
	leaves, keys := map[string]reflect.Value{}, map[string]string{}
	var parents []string
	walk(reflect.ValueOf(c).Elem(), "", func(key string, v reflect.Value) {
		if !isScalar(v.Type()) && (v.Kind() != reflect.Slice || !isScalar(v.Type().Elem())) {
			parents = append(parents, variable(key))
			return
		}
		leaves[variable(key)], keys[variable(key)] = v, key
	})
	given := map[string]string{}
	var order []string
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, variablePrefix) || slices.Contains(elsewhere, name) {
			continue
		}
		if _, twice := given[name]; !twice {
			order = append(order, name)
		}
		given[name] = value
	}
	slices.Sort(order)
	for _, name := range order {
		leaf, known := leaves[name]
		switch {
		case known:
			o.set[keys[name]] = name
			if problem := parseVariable(given[name], leaf); problem != "" {
				o.problems = append(o.problems, Problem{Variable: name, Key: keys[name], Text: problem})
			}
		case slices.Contains(parents, name):
			o.notices = append(o.notices, name+" is ignored: this part of the configuration is set in the file, or key by key")
		default:
			o.notices = append(o.notices, unknownVariable(name, leaves))
		}
	}
}

func parseVariable(text string, v reflect.Value) string {
	if isScalar(v.Type()) {
		return parseScalar(text, v)
	}
	items := reflect.MakeSlice(v.Type(), 0, 0)
	for word := range strings.SplitSeq(text, ",") {
		word = strings.TrimSpace(word)
		if word == "" {
			continue
		}
		item := reflect.New(v.Type().Elem()).Elem()
		if problem := parseScalar(word, item); problem != "" {
			return problem
		}
		items = reflect.Append(items, item)
	}
	v.Set(items)
	return ""
}

func unknownVariable(name string, leaves map[string]reflect.Value) string {
	known := make([]string, 0, len(leaves))
	for leaf := range leaves {
		known = append(known, leaf)
	}
	slices.Sort(known)
	if meant, ok := suggest(name, known); ok {
		return fmt.Sprintf("%s is not a variable of Presence Gateway and is ignored; did you mean %s?", name, meant)
	}
	return name + " is not a variable of Presence Gateway and is ignored"
}

// walk visits every key of the tree below v, mappings before what is in them. Lists are not entered.
func walk(v reflect.Value, key string, visit func(key string, v reflect.Value)) {
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("yaml")
		if name == "-" {
			continue
		}
		field, path := v.Field(i), join(key, name)
		visit(path, field)
		if field.Kind() == reflect.Struct && !isScalar(field.Type()) {
			walk(field, path, visit)
		}
	}
}
