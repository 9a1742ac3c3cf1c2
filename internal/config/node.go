package config

import "github.com/goccy/go-yaml/ast"

// textOf returns what a node says, if it is a text.
func textOf(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.MappingKeyNode:
		return textOf(n.Value)
	}
	return "", false
}

// lineOf is where a node begins.
func lineOf(node ast.Node) int {
	if mapping, ok := node.(*ast.MappingNode); ok && !mapping.IsFlowStyle && len(mapping.Values) > 0 {
		return lineOf(mapping.Values[0])
	}
	if value, ok := node.(*ast.MappingValueNode); ok {
		return lineOf(value.Key)
	}
	if node == nil {
		return 0
	}
	token := node.GetToken()
	if token == nil || token.Position == nil {
		return 0
	}
	return token.Position.Line
}

// kindOf names what was written, in words for people who know YAML a little.
func kindOf(node ast.Node) string {
	switch node.Type() {
	case ast.NullType:
		return "nothing"
	case ast.BoolType:
		return "true or false"
	case ast.IntegerType, ast.FloatType, ast.InfinityType, ast.NanType:
		return "a number"
	case ast.SequenceType:
		return "a list"
	case ast.MappingType, ast.MappingValueType:
		return "a mapping"
	}
	return "a text"
}
