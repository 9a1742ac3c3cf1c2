package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one mistake. It names its place: file and line, or the variable.
type Problem struct {
	File     string // empty if Variable is not
	Line     int    // 0: the key is missing from the file
	Variable string // the environment variable that holds the mistake
	Key      string // empty for the file as a whole
	Text     string // what is wrong, and what to do
}

// String is the line a person reads.
func (p Problem) String() string {
	place := p.File
	if p.Line > 0 {
		place = fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	if p.Variable != "" {
		place = p.Variable
	}
	if p.Key == "" || p.Variable != "" {
		return place + ": " + p.Text
	}
	return place + ": " + p.Key + ": " + p.Text
}

// Problems is every mistake of a configuration, in the order of the file.
type Problems []Problem

// Error is one line for each.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// sorted puts what has a line first, then what is missing, then variables; equal ones stay as they were found.
func (p Problems) sorted() Problems {
	rank := func(p Problem) int {
		switch {
		case p.Variable != "":
			return 2
		case p.Line == 0 && p.Key != "":
			return 1
		}
		return 0
	}
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Line, b.Line))
	})
	return p
}
