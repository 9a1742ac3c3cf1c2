package graphsim

import (
	"slices"
	"strings"
)

// A filter is what of OData's language is understood here: eq, in and
// startswith on texts, joined by or. Letter case does not matter, as in Graph.

// maxClauses is the documented most that one filter takes, each value of in counted.
const maxClauses = 15

func userFilter(text string) (func(*resident) bool, bool) { return filter(text, userAttributes) }

func groupFilter(text string) (func(*circle) bool, bool) { return filter(text, groupAttributes) }

func filter[T any](text string, attributes map[string]func(*T) any) (func(*T) bool, bool) {
	var any []func(*T) bool
	clauses := 0
	for text = strings.TrimSpace(text); ; {
		name, values, prefix, rest, ok := clause(text)
		get, known := attributes[name]
		if clauses += len(values); !ok || !known || clauses > maxClauses {
			return nil, false
		}
		any = append(any, func(it *T) bool {
			s, isText := get(it).(string)
			return isText && slices.ContainsFunc(values, func(v string) bool {
				if prefix {
					return len(s) >= len(v) && strings.EqualFold(s[:len(v)], v)
				}
				return strings.EqualFold(s, v)
			})
		})
		if rest == "" {
			break
		}
		if text, ok = strings.CutPrefix(rest, "or "); !ok {
			return nil, false
		}
	}
	return func(it *T) bool {
		return slices.ContainsFunc(any, func(match func(*T) bool) bool { return match(it) })
	}, true
}

// clause reads one comparison from the start of text.
func clause(text string) (name string, values []string, prefix bool, rest string, ok bool) {
	text = strings.TrimSpace(text)
	if inner, found := strings.CutPrefix(text, "startswith("); found {
		name, inner, _ = strings.Cut(inner, ",")
		value, inner, good := literal(strings.TrimSpace(inner))
		rest, ok = strings.CutPrefix(inner, ")")
		return strings.TrimSpace(name), []string{value}, true, strings.TrimSpace(rest), ok && good
	}
	name, rest, _ = strings.Cut(text, " ")
	operator, rest, _ := strings.Cut(strings.TrimSpace(rest), " ")
	switch rest = strings.TrimSpace(rest); {
	case operator == "eq":
		value, rest, good := literal(rest)
		return name, []string{value}, false, rest, good
	case operator == "in" && strings.HasPrefix(rest, "("):
		for rest = rest[1:]; ; rest = rest[1:] {
			value, after, good := literal(strings.TrimSpace(rest))
			if !good || after == "" {
				return name, nil, false, after, false
			}
			values = append(values, value)
			switch rest = after; rest[0] {
			case ',':
			case ')':
				return name, values, false, strings.TrimSpace(rest[1:]), true
			default:
				return name, nil, false, rest, false
			}
		}
	}
	return name, nil, false, rest, false
}

// literal reads a quoted text; a quote within is doubled.
func literal(text string) (value, rest string, ok bool) {
	text, ok = strings.CutPrefix(text, "'")
	if !ok {
		return "", text, false
	}
	var b strings.Builder
	for {
		head, tail, closed := strings.Cut(text, "'")
		if !closed {
			return "", text, false
		}
		b.WriteString(head)
		if !strings.HasPrefix(tail, "'") {
			return b.String(), strings.TrimSpace(tail), true
		}
		b.WriteByte('\'')
		text = tail[1:]
	}
}

func kept[T any](all []T, match func(*T) bool) []T {
	var some []T
	for i := range all {
		if match(&all[i]) {
			some = append(some, all[i])
		}
	}
	return some
}
