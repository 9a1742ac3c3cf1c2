// Package describetest holds what tests see against the gateway's descriptions. Schemas are read more strictly than
// they are published: what the gateway says has no member that is not described.
package describetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/presence-gateway/presence-gateway/gateway/describe"
)

// document is one description, as JSON says it.
type document struct {
	name     string
	content  map[string]any
	compiler *jsonschema.Compiler

	mu       sync.Mutex
	compiled map[string]*jsonschema.Schema
}

// asyncAPI and openAPI are read once, when the first test asks.
var (
	asyncAPI = sync.OnceValue(func() *document { return read("asyncapi.json", describe.AsyncAPI) })
	openAPI  = sync.OnceValue(func() *document { return read("openapi.json", describe.OpenAPI) })
)

// read panics: a description that cannot be read is a mistake in the tree.
func read(name string, text []byte) *document {
	var content any
	if err := yaml.Unmarshal(text, &content); err != nil {
		panic(fmt.Sprintf("%s: %v", name, err))
	}
	asJSON, err := json.Marshal(content)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", name, err))
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		panic(fmt.Sprintf("%s: %v", name, err))
	}
	d := &document{name: name, content: parsed.(map[string]any), compiled: map[string]*jsonschema.Schema{}}
	strict(d.content)
	d.compiler = jsonschema.NewCompiler()
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	d.compiler.AssertFormat()
	if err := d.compiler.AddResource(name, d.content); err != nil {
		panic(fmt.Sprintf("%s: %v", name, err))
	}
	return d
}

// strict closes every schema of an object that names its members and does not say what else there may be.
func strict(node any) {
	switch node := node.(type) {
	case map[string]any:
		_, members := node["properties"].(map[string]any)
		if _, said := node["additionalProperties"]; members && !said {
			node["additionalProperties"] = false
		}
		for _, child := range node {
			strict(child)
		}
	case []any:
		for _, child := range node {
			strict(child)
		}
	}
}

// validate holds a JSON text against the schema at a pointer.
func (d *document) validate(pointer string, text []byte) error {
	schema, err := d.schema(pointer)
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	return schema.Validate(value)
}

func (d *document) schema(pointer string) (*jsonschema.Schema, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if schema, found := d.compiled[pointer]; found {
		return schema, nil
	}
	schema, err := d.compiler.Compile(d.name + "#" + pointer)
	if err != nil {
		return nil, fmt.Errorf("%s: no schema at %s: %w", d.name, pointer, err)
	}
	d.compiled[pointer] = schema
	return schema, nil
}
