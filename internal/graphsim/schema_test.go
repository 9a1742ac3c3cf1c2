package graphsim_test

import (
	"encoding/xml"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/graphsim"
)

// csdl is the published schema as far as presences need it.
type csdl struct {
	Schemas []struct {
		Namespace string     `xml:"Namespace,attr"`
		Entities  []csdlType `xml:"EntityType"`
		Complex   []csdlType `xml:"ComplexType"`
		Enums     []struct {
			Name    string `xml:"Name,attr"`
			Members []struct {
				Name string `xml:"Name,attr"`
			} `xml:"Member"`
		} `xml:"EnumType"`
	} `xml:"DataServices>Schema"`
}

type csdlType struct {
	Name       string `xml:"Name,attr"`
	Base       string `xml:"BaseType,attr"`
	Properties []struct {
		Name     string `xml:"Name,attr"`
		Type     string `xml:"Type,attr"`
		Nullable string `xml:"Nullable,attr"`
	} `xml:"Property"`
}

type property struct {
	edm      string
	nullable bool
}

// schema answers types by name, inherited properties included, and enum members.
type schema struct {
	types map[string]map[string]property
	enums map[string][]string
}

func loadSchema(t *testing.T, namespace string) schema {
	t.Helper()
	raw, err := os.ReadFile("testdata/presence-schema.xml")
	if err != nil {
		t.Fatal(err)
	}
	var doc csdl
	if err := xml.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	s := schema{map[string]map[string]property{}, map[string][]string{}}
	for _, part := range doc.Schemas {
		if part.Namespace != "microsoft.graph" && part.Namespace != namespace {
			continue
		}
		for _, ty := range slices.Concat(part.Entities, part.Complex) {
			p := maps.Clone(s.types[ty.Base])
			if p == nil {
				p = map[string]property{}
			}
			for _, prop := range ty.Properties {
				p[prop.Name] = property{prop.Type, prop.Nullable != "false"}
			}
			s.types["graph."+ty.Name] = p
		}
		for _, e := range part.Enums {
			for _, m := range e.Members {
				s.enums["graph."+e.Name] = append(s.enums["graph."+e.Name], m.Name)
			}
		}
	}
	if len(s.types["graph.presence"]) < 4 {
		t.Fatalf("schema %s has no presence", namespace)
	}
	return s
}

// check holds a value against its type and notes each property it met.
func (s schema) check(t *testing.T, edm string, v any, met map[string]bool) {
	t.Helper()
	if members, isEnum := s.enums[edm]; isEnum {
		if text, _ := v.(string); !slices.Contains(members, text) {
			t.Errorf("%v is no %s", v, edm)
		}
		return
	}
	switch edm {
	case "Edm.String":
		if _, ok := v.(string); !ok {
			t.Errorf("%v (%T) is no %s", v, v, edm)
		}
		return
	case "Edm.Boolean":
		if _, ok := v.(bool); !ok {
			t.Errorf("%v (%T) is no %s", v, v, edm)
		}
		return
	case "Edm.DateTimeOffset":
		text, _ := v.(string)
		if _, err := time.Parse(time.RFC3339Nano, text); err != nil {
			t.Errorf("%v is no %s", v, edm)
		}
		return
	}
	ty, known := s.types[edm]
	o, isObject := v.(map[string]any)
	if !known || !isObject {
		t.Errorf("%v is no %s", v, edm)
		return
	}
	for name, value := range o {
		if strings.HasPrefix(name, "@odata.") {
			continue
		}
		p, declared := ty[name]
		switch {
		case !declared:
			t.Errorf("%s has no property %q", edm, name)
		case value == nil && !p.nullable:
			t.Errorf("%s.%s is null", edm, name)
		case value != nil:
			met[strings.TrimPrefix(edm, "graph.")+"."+name] = true
			s.check(t, p.edm, value, met)
		}
	}
	for name, p := range ty {
		if _, there := o[name]; !there && !p.nullable {
			t.Errorf("%s without %s", edm, name)
		}
	}
}

func TestAnswersKeepToThePublishedSchema(t *testing.T) {
	tenant, c := newClient(t, graphsim.Options{Users: 3000, Seed: 3})
	all := ids(tenant)
	s := loadSchema(t, "microsoft.graph")
	met := map[string]bool{}
	me := all[0]
	c.ok("PUT", "/sim/users/"+me+"/presence", `{"statusMessage":"here","outOfOffice":true,"outOfOfficeMessage":"away","workLocation":{"workLocationType":"office","source":"manual","placeId":"p"}}`)
	for from := 0; from < len(all); from += 600 {
		for _, row := range c.batch(all[from : from+600]...) {
			s.check(t, "graph.presence", row, met)
		}
	}
	for _, id := range all[:50] {
		s.check(t, "graph.presence", c.ok("GET", "/v1.0/users/"+id+"/presence", ""), met)
		s.check(t, "graph.presence", c.ok("GET", "/v1.0/communications/presences/"+id, ""), met)
	}
	s.check(t, "graph.presence", c.ok("GET", "/v1.0/me/presence", ""), met)
	c.faults(`{"wrapped":true}`)
	for _, row := range values(t, c.ok("GET", "/v1.0/communications/presences/"+me, "")) {
		s.check(t, "graph.presence", row, met)
	}
	for _, want := range []string{"presence.id", "presence.availability", "presence.activity", "presence.outOfOfficeSettings", "presence.sequenceNumber",
		"presence.statusMessage", "presence.workLocation", "outOfOfficeSettings.message", "outOfOfficeSettings.isOutOfOffice",
		"presenceStatusMessage.message", "presenceStatusMessage.publishedDateTime", "itemBody.content", "itemBody.contentType",
		"userWorkLocation.placeId", "userWorkLocation.source", "userWorkLocation.workLocationType"} {
		if !met[want] {
			t.Errorf("no answer had %s", want)
		}
	}

	c.faults(`{"government":true}`)
	gov := loadSchema(t, "microsoft.graph.fairfax")
	for _, row := range append(c.batch(all[:100]...), c.ok("GET", "/v1.0/users/"+me+"/presence", "")) {
		gov.check(t, "graph.presence", row, map[string]bool{})
	}
}

func TestSchemaCheckSeesWrongAnswers(t *testing.T) {
	s := loadSchema(t, "microsoft.graph")
	for name, row := range map[string]map[string]any{
		"a property nobody published": {"id": "x", "mood": "good"},
		"a number as a string":        {"id": "x", "sequenceNumber": 129311063.0},
		"no id":                       {"availability": "Busy"},
		"an unknown place":            {"id": "x", "workLocation": map[string]any{"source": "manual", "workLocationType": "moon"}},
	} {
		probe := &testing.T{}
		s.check(probe, "graph.presence", any(row), map[string]bool{})
		if !probe.Failed() {
			t.Errorf("%s passes the check", name)
		}
	}
}
