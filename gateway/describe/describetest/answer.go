package describetest

import (
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Answer holds an answer over HTTP against its description: that the status is one of the operation's, that the headers
// it promises are there, and that the body is of a described type and shape. What is not described must be a 404, and a
// method that is not a 405. A body that a test has not read may be nil.
func Answer(t testing.TB, method, target string, status int, header http.Header, body []byte) {
	t.Helper()
	if err := checkAnswer(method, target, status, header, body); err != nil {
		t.Errorf("%s %s: the answer %d is not as openapi.yaml has it: %v\n%.2000s", method, target, status, err, body)
	}
}

func checkAnswer(method, target string, status int, header http.Header, body []byte) error {
	path, _, _ := strings.Cut(target, "?")
	template, item := openAPI().find(path)
	if method == http.MethodHead {
		method, body = http.MethodGet, nil
	}
	operation, _ := item[strings.ToLower(method)].(map[string]any)
	switch {
	case method == http.MethodOptions && status == http.StatusNoContent:
		return want(header, "Allow")
	case operation == nil:
		return checkRefusal(path, item != nil, status, header, body)
	}
	at := "/paths/" + escape(template) + "/" + strings.ToLower(method) + "/responses/"
	responses := operation["responses"].(map[string]any)
	key := strconv.Itoa(status)
	if responses[key] == nil {
		key = "default"
	}
	response, at := openAPI().follow(responses[key], at+key)
	if response == nil {
		return fmt.Errorf("the status is not described")
	}
	headers, _ := response["headers"].(map[string]any)
	for name, h := range headers {
		described, where := openAPI().follow(h, at+"/headers/"+escape(name))
		if value := header.Get(name); value != "" {
			if err := openAPI().validate(where+"/schema", headerValue(value, described)); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		} else if described["required"] == true {
			return want(header, name)
		}
	}
	return checkBody(response, at, header, body)
}

// checkRefusal is for what is not described.
func checkRefusal(path string, described bool, status int, header http.Header, body []byte) error {
	switch {
	case status == http.StatusMethodNotAllowed && described:
		if err := want(header, "Allow"); err != nil {
			return err
		}
	case status == http.StatusForbidden, status == http.StatusInternalServerError:
	case status == http.StatusBadRequest && strings.HasPrefix(path, "/graph"): // where Graph has no such segment
	case status != http.StatusNotFound && status != http.StatusMethodNotAllowed && status != http.StatusUnauthorized:
		return fmt.Errorf("neither path nor method are described")
	}
	schema := "/components/schemas/Problem"
	if strings.HasPrefix(path, "/graph/") {
		schema = "/components/schemas/GraphError"
	}
	if len(body) == 0 {
		return nil
	}
	return openAPI().validate(schema, body)
}

func checkBody(response map[string]any, at string, header http.Header, body []byte) error {
	content, _ := response["content"].(map[string]any)
	if len(content) == 0 {
		if len(body) > 0 {
			return fmt.Errorf("there is a body")
		}
		return nil
	}
	kind, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return fmt.Errorf("content type %q: %w", header.Get("Content-Type"), err)
	}
	if content[kind] == nil {
		return fmt.Errorf("content type %q is not described", kind)
	}
	if len(body) == 0 || (kind != "application/json" && kind != "application/problem+json") {
		return nil
	}
	return openAPI().validate(at+"/content/"+escape(kind)+"/schema", body)
}

// headerValue is a header as its schema sees it.
func headerValue(value string, described map[string]any) []byte {
	schema, _ := described["schema"].(map[string]any)
	if schema["type"] == "integer" {
		return []byte(value)
	}
	return []byte(strconv.Quote(value))
}

// find returns the path item that describes a path; nil if none does.
func (d *document) find(path string) (string, map[string]any) {
	paths := d.content["paths"].(map[string]any)
	if item, exact := paths[path].(map[string]any); exact {
		return path, item
	}
	segments := strings.Split(path, "/")
	for template, item := range paths {
		pattern := strings.Split(template, "/")
		if strings.Contains(template, "{") && slices.EqualFunc(pattern, segments, func(p, s string) bool {
			return p == s || (strings.HasPrefix(p, "{") && s != "")
		}) {
			return template, item.(map[string]any)
		}
	}
	return "", nil
}

// follow follows a reference, if node is one, and returns where it leads.
func (d *document) follow(node any, at string) (map[string]any, string) {
	object, _ := node.(map[string]any)
	reference, is := object["$ref"].(string)
	if !is {
		return object, at
	}
	at = strings.TrimPrefix(reference, "#")
	var found any = d.content
	for segment := range strings.SplitSeq(strings.TrimPrefix(at, "/"), "/") {
		found = found.(map[string]any)[segment]
	}
	return d.follow(found, at)
}

// escape writes a key as a segment of a JSON pointer in a fragment.
func escape(key string) string {
	key = strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1")
	return strings.NewReplacer("{", "%7B", "}", "%7D", "$", "%24", "+", "%2B").Replace(key)
}

func want(header http.Header, name string) error {
	if header.Get(name) == "" {
		return fmt.Errorf("the header %s is missing", name)
	}
	return nil
}
