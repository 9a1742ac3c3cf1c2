package graphsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// mains names, for each switch, the member that a bare number or text stands
// for; "" where there is none.
var mains = map[string]string{
	"latency": "ms", "reset": "share", "status": "status", "html": "status", "retryAfter": "form", "limit": "requests", "count": "by",
	"unauthorized": "share", "forbidden": "share", "cut": "share", "malformed": "form", "oversize": "bytes", "gzip": "share",
	"wrongEntity": "share", "wrapped": "share", "innerError": "spelling", "lag": "ms", "split": "share", "missing": "share",
	"unknown": "share", "poison": "ids", "shuffle": "share", "foreign": "rows", "extra": "share", "lowerCamel": "share",
	"sparse": "share", "noContext": "share", "omit": "properties", "noSequence": "share", "government": "share", "ids": "",
	"sequenceReset": "", "frozenNumber": "share", "restamp": "perSecond", "emptyPages": "share", "bareMembers": "share",
}

// ParseFaults reads the body of PUT /sim/faults: one JSON object of switches.
// An error names the switch, and the member within it, that is wrong.
func ParseFaults(body []byte) (Faults, error) {
	return mergeFaults(Faults{}, body)
}

// mergeFaults changes only the switches that body names.
func mergeFaults(f Faults, body []byte) (Faults, error) {
	f = f.clone()
	dec := json.NewDecoder(bytes.NewReader(body))
	var raw map[string]json.RawMessage
	if err := dec.Decode(&raw); err != nil || raw == nil {
		return f, fmt.Errorf("faults: the body is not one JSON object of switches: %w", cmpErr(err))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return f, errors.New("faults: something stands after the JSON object")
	}
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		main, known := mains[name]
		if !known {
			return f, fmt.Errorf("faults: unknown key %q; known are %s", name, strings.Join(slices.Sorted(maps.Keys(mains)), ", "))
		}
		f.off(name)
		value, err := longForm(raw[name], main)
		if err != nil {
			return f, fmt.Errorf("faults: %s: %w", name, err)
		}
		if value == nil {
			continue
		}
		one, err := json.Marshal(map[string]json.RawMessage{name: value})
		if err != nil {
			return f, fmt.Errorf("faults: %s: %w", name, err)
		}
		strict := json.NewDecoder(bytes.NewReader(one))
		strict.DisallowUnknownFields()
		if err := strict.Decode(&f); err != nil {
			return f, fmt.Errorf("faults: %s: %s", name, strings.TrimPrefix(err.Error(), "json: "))
		}
	}
	return f, f.settle()
}

func cmpErr(err error) error {
	if err == nil {
		return errors.New("it is null")
	}
	return err
}

// longForm turns a switch's shorthand into its object; nil is off.
func longForm(raw json.RawMessage, main string) (json.RawMessage, error) {
	switch text := string(bytes.TrimSpace(raw)); {
	case text == "null", text == "false":
		return nil, nil
	case text == "true":
		return json.RawMessage("{}"), nil
	case text[0] != '{':
		if main == "" {
			return nil, errors.New("want true, false or an object")
		}
		raw = json.RawMessage(`{"` + main + `":` + text + `}`)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, err
	}
	// A share of 0 strikes nothing; left out it strikes everything.
	if share, ok := members["share"]; ok {
		var n float64
		if json.Unmarshal(share, &n) == nil && n == 0 {
			if _, listed := members["ids"]; !listed {
				return nil, nil
			}
			delete(members, "share")
		}
	}
	return json.Marshal(members)
}

// clone copies f so that nothing of it is shared.
func (f Faults) clone() Faults {
	v := reflect.ValueOf(&f).Elem()
	for i := range v.NumField() {
		if p := v.Field(i); !p.IsNil() {
			c := reflect.New(p.Type().Elem())
			c.Elem().Set(p.Elem())
			p.Set(c)
		}
	}
	return f
}

// off switches off what the key names.
func (f *Faults) off(name string) {
	v := reflect.ValueOf(f).Elem()
	for i := range v.NumField() {
		if key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ","); key == name {
			v.Field(i).SetZero()
		}
	}
}

// whens are the conditions of the switches that are on, by key.
func (f *Faults) whens() map[string]*When {
	found := make(map[string]*When)
	v := reflect.ValueOf(f).Elem()
	for i := range v.NumField() {
		p := v.Field(i)
		if p.IsNil() {
			continue
		}
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if w, ok := p.Interface().(*When); ok {
			found[name] = w
		} else if e := p.Elem().FieldByName("When"); e.IsValid() {
			found[name] = e.Addr().Interface().(*When)
		}
	}
	return found
}
