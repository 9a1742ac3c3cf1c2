package graph_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller/graph"
)

// told is what an answer says of one user.
type told struct {
	facts    presence.Facts
	sequence string
}

// reference decodes as [graph.Decode] should, by encoding/json into maps, in which the last of equal names stays.
func reference(body []byte, ids []presence.ID, single bool, fields presence.Fields) (people map[presence.ID]told, foreign, malformed int, err error) {
	no := errors.New("no presence")
	var top any
	if err := json.Unmarshal(body, &top); err != nil {
		return nil, 0, 0, err
	}
	object, ok := top.(map[string]any)
	if !ok {
		return nil, 0, 0, no
	}
	rows, collection := object["value"].([]any)
	if _, present := availability(object); single && present {
		if _, ok := identity(object); !ok {
			return nil, 0, 0, no
		}
		rows, collection = []any{top}, true
	}
	if !collection {
		return nil, 0, 0, no
	}
	people = make(map[presence.ID]told)
	for _, element := range rows {
		row, _ := element.(map[string]any)
		id, known := identity(row)
		word, present := availability(row)
		switch {
		case !known || !present:
			malformed++
		case !slices.Contains(ids, id):
			foreign++
		default:
			people[id] = told{facts(row, word, fields), text(row, "sequenceNumber")}
		}
	}
	if len(rows) > 0 && malformed == len(rows) {
		return nil, 0, 0, no
	}
	return people, foreign, malformed, nil
}

func facts(row map[string]any, availability string, fields presence.Fields) presence.Facts {
	f := presence.Facts{Availability: availability, Activity: text(row, "activity")}
	if f.Activity == "" {
		f.Activity = "PresenceUnknown"
	}
	away, _ := row["outOfOfficeSettings"].(map[string]any)
	f.OutOfOfficeMessage = text(away, "message")
	if out, ok := away["isOutOfOffice"].(bool); ok {
		f.OutOfOffice = presence.FlagOf(out)
	}
	status, _ := row["statusMessage"].(map[string]any)
	message, _ := status["message"].(map[string]any)
	f.StatusMessage = text(message, "content")
	place, _ := row["workLocation"].(map[string]any)
	f.WorkLocation = presence.Place{Type: text(place, "workLocationType"), Source: text(place, "source"), ID: text(place, "placeId")}
	return presence.Intern(f, fields).Facts()
}

func text(object map[string]any, name string) string {
	value, _ := object[name].(string)
	return value
}

func identity(row map[string]any) (presence.ID, bool) {
	id, err := presence.ParseID(text(row, "id"))
	return id, err == nil
}

func availability(row map[string]any) (string, bool) {
	value, there := row["availability"]
	word, isText := value.(string)
	if word == "" {
		word = "PresenceUnknown"
	}
	return word, there && (isText || value == nil)
}

// agree fails unless both decoders say the same of body.
func agree(t interface{ Fatalf(string, ...any) }, decoder *graph.Decoder, body []byte, ids []presence.ID, single bool, fields presence.Fields) {
	if depth(body) > graph.MaxDepth {
		return // a bound of ours alone
	}
	want, foreign, malformed, wantErr := reference(body, ids, single, fields)
	answer, err := decoder.Decode(body, ids, single)
	if (err != nil) != (wantErr != nil) {
		t.Fatalf("%s\ngot error %v, want %v", body, err, wantErr)
	}
	if err != nil {
		return
	}
	got := make(map[presence.ID]told)
	for _, r := range answer.Readings {
		got[r.ID] = told{r.Content.Facts(), r.Sequence}
	}
	if !maps.Equal(got, want) || answer.Foreign != foreign || answer.Malformed != malformed {
		t.Fatalf("%s\ngot  %+v, %d foreign, %d malformed\nwant %+v, %d, %d", body, got, answer.Foreign, answer.Malformed, want, foreign, malformed)
	}
	if len(answer.Readings)+len(answer.Missing) != len(ids) {
		t.Fatalf("%s\n%d readings and %d missing of %d", body, len(answer.Readings), len(answer.Missing), len(ids))
	}
}

// depth returns how deeply body nests, as far as it is JSON.
func depth(body []byte) (deepest int) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	for now := 0; ; {
		token, err := decoder.Token()
		if err != nil {
			return deepest
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			now++
			deepest = max(deepest, now)
		case json.Delim('}'), json.Delim(']'):
			now--
		}
	}
}

func FuzzAnswer(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds")
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body, true, uint8(allFields))
		f.Add(body, false, uint8(0))
		f.Add(bytes.ToUpper(body), false, uint8(allFields))
	}
	for _, body := range []string{
		`{"value":[{"id":"` + anna.String() + `","availability":"\ud800","activity":"\u0041\/","sequenceNumber":"` + "\xff" + `"}]}`,
		`{"value":[],"value":[{}],"x":[-0,1.5e+10,0.0,-1E-2,true,false,null,""]}`,
		`{"value":{"value":[]},"availability":null,"id":"` + anna.String() + `"}`,
		"\ufeff{}", `{"value":[1,]}`, `{"value":[],}`, `{"a":01}`, `{"a":1.}`, `{"a":+1}`, `{"a":"\x"}`, `{"a":"\u12g4"}`, `{'a':1}`, `{"a"}`, `{"a":tru}`, "{\"a\":\"\x1f\"}",
	} {
		f.Add([]byte(body), true, uint8(allFields))
		f.Add([]byte(body), false, uint8(allFields))
	}
	f.Fuzz(func(t *testing.T, body []byte, single bool, fields uint8) {
		ids := []presence.ID{anna, bert}
		if single {
			ids = ids[:1]
		}
		agree(t, graph.NewDecoder(presence.Fields(fields)), body, ids, single, presence.Fields(fields))
	})
}

// TestDecodesAsEncodingJSON compares both on answers with everything that JSON allows, and on damaged ones.
func TestDecodesAsEncodingJSON(t *testing.T) {
	names := []string{"id", "availability", "activity", "sequenceNumber", "outOfOfficeSettings", "statusMessage", "workLocation",
		"message", "isOutOfOffice", "content", "contentType", "workLocationType", "source", "placeId", "value", "@odata.type", "x", "Availability", `\u0069d`}
	scalars := []string{"null", "true", "false", "0", "-1.5e3", `""`, `"Busy"`, `"B\u00fcsy"`, `"Bü\n"`, `"\ud83d\ude00\ud83d"`, "\"\xff\"",
		`"` + anna.String() + `"`, `"` + strings.ToUpper(bert.String()) + `"`, `"` + cleo.String() + `"`}
	spaces := []string{"", "", "", " ", "\r\n\t"}
	var value func(*rapid.T, int) string
	value = func(t *rapid.T, deep int) string {
		space := rapid.SampledFrom(spaces).Draw(t, "space")
		kind := rapid.IntRange(0, 5).Draw(t, "kind")
		switch {
		case kind < 3 || deep > 4:
			return space + rapid.SampledFrom(scalars).Draw(t, "scalar") + space
		case kind == 3:
			parts := make([]string, rapid.IntRange(0, 3).Draw(t, "length"))
			for i := range parts {
				parts[i] = value(t, deep+1)
			}
			return "[" + strings.Join(parts, ",") + space + "]"
		default:
			return "{" + members(t, names, deep, value) + space + "}"
		}
	}
	row := func(t *rapid.T) string {
		start := rapid.SampledFrom([]string{"", `"id":"` + anna.String() + `",`, `"id":"` + bert.String() + `","availability":"Away",`, `"availability":"Busy",`}).Draw(t, "start")
		return "{" + start + `"x":1,` + members(t, names, 1, value) + `,"y":{}}`
	}
	rapid.Check(t, func(t *rapid.T) {
		single := rapid.Bool().Draw(t, "single")
		fields := presence.Fields(rapid.Uint8Range(0, 31).Draw(t, "fields"))
		ids := []presence.ID{anna, bert}
		if single {
			ids = ids[:1]
		}
		// One decoder for several answers: nothing of an answer may be left for the next.
		decoder := graph.NewDecoder(fields)
		for range 3 {
			body := row(t)
			if rapid.Bool().Draw(t, "collection") {
				body = `{"value":[` + body + "," + row(t) + `],"z":` + value(t, 0) + `}`
			}
			if rapid.IntRange(0, 3).Draw(t, "damage") == 0 {
				at := rapid.IntRange(0, len(body)-1).Draw(t, "at")
				body = body[:at] + rapid.SampledFrom([]string{"", ",", "}", "\"", "\\", "0", "\x00"}).Draw(t, "instead") + body[at+1:]
			}
			agree(t, decoder, []byte(body), ids, single, fields)
		}
	})
}

func members(t *rapid.T, names []string, deep int, value func(*rapid.T, int) string) string {
	parts := make([]string, rapid.IntRange(1, 5).Draw(t, "members"))
	for i := range parts {
		parts[i] = `"` + rapid.SampledFrom(names).Draw(t, "name") + `":` + value(t, deep+1)
	}
	return strings.Join(parts, ",")
}

// TestEveryCutIsAnError breaks an answer off, and changes it, at each byte.
func TestEveryCutIsAnError(t *testing.T) {
	body := []byte(strings.TrimSpace(fixture(t, "outofoffice.json")))
	decoder := graph.NewDecoder(allFields)
	for i := range body {
		if _, err := decoder.Decode(body[:i], []presence.ID{anna}, true); err == nil {
			t.Errorf("cut at %d: no error", i)
		}
		for _, c := range []byte(`",:{}[]\0xn `) {
			changed := bytes.Clone(body)
			changed[i] = c
			agree(t, decoder, changed, []presence.ID{anna}, true, allFields)
		}
	}
}

func BenchmarkDecodeBatch650(b *testing.B) {
	ids, body := tenant(650)
	fields := presence.OutOfOffice
	b.Run("client", func(b *testing.B) {
		decoder := graph.NewDecoder(fields)
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			if answer, err := decoder.Decode(body, ids, false); err != nil || len(answer.Readings) != len(ids) {
				b.Fatal(err)
			}
		}
	})
	b.Run("client-all-fields", func(b *testing.B) {
		decoder := graph.NewDecoder(allFields)
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			if answer, err := decoder.Decode(body, ids, false); err != nil || len(answer.Readings) != len(ids) {
				b.Fatal(err)
			}
		}
	})
	// Only the decoding, into structs: no allow-list, no matching of rows, no interning.
	b.Run("encoding-json", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			var answer struct {
				Value []struct {
					ID                     presence.ID
					Availability, Activity string
					OutOfOfficeSettings    *struct {
						IsOutOfOffice *bool
						Message       *string
					}
					StatusMessage  *struct{ Message *struct{ Content string } }
					WorkLocation   *struct{ WorkLocationType, Source, PlaceID string }
					SequenceNumber string
				}
			}
			if err := json.Unmarshal(body, &answer); err != nil || len(answer.Value) != len(ids) {
				b.Fatal(err)
			}
		}
	})
}
