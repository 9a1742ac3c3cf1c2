package wire_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

const anna, ben = "fa8bf3dc-eca7-46b7-bad1-db199b62afc3", "00000000-0000-0000-0000-00000000000b"

func TestDecode(t *testing.T) {
	a, b := id(t, anna), id(t, ben)
	for name, row := range map[string]struct {
		text string
		want wire.Request
	}{
		"subscribe": {`{"type":"subscribe","id":1,"users":["` + anna + `"]}`,
			wire.Request{Type: "subscribe", ID: "1", Users: []presence.ID{a}}},
		"duplicates, in any letter case": {`{"type":"subscribe","users":["` + anna + `","` + strings.ToUpper(anna) + `","x","x","m@x","m@x"],"groups":["` + ben + `","` + ben + `","x"]}`,
			wire.Request{Type: "subscribe", Users: []presence.ID{a}, Mails: []string{"m@x"}, Invalid: []string{"x"}, Groups: []presence.ID{b}}},
		"everyone": {`{"users":"*","type":"subscribe"}`, wire.Request{Type: "subscribe", All: true}},
		"known": {`{"type":"subscribe","known":{"` + strings.ToUpper(anna) + `":"1.A","nobody":"2"}}`,
			wire.Request{Type: "subscribe", Known: map[presence.ID]string{a: "1.A"}}},
		"unknown members of every kind": {`{"type":"ping","x":{"y":[1,-2.5e-7,"z",null,true,false,{}]},"w":[[]],"id":0}`,
			wire.Request{Type: "ping", ID: "0"}},
		"the number as it was written": {`{"type":"ping","id": -1.50E+3 }`, wire.Request{Type: "ping", ID: "-1.50E+3"}},
		"escapes":                      {`{"t\u0079pe":"\u0070ing","x":"\"\\\/\b\f\n\r\t\ud83d\ude00"}`, wire.Request{Type: "ping"}},
		"lone surrogates":              {`{"type":"subscribe","users":["\ud83d","\ud83dx\ud83d\u0041"]}`, wire.Request{Type: "subscribe", Invalid: []string{"\ufffd", "\ufffdx\ufffdA"}}},
		"token":                        {`{"type":"authenticate","token":"t"}`, wire.Request{Type: "authenticate", Token: "t"}},
		"unknown type":                 {`{"type":"dance"}`, wire.Request{Type: "dance"}},
		"white space":                  {" \t\r\n{ \"type\" : \"ping\" }\n", wire.Request{Type: "ping"}},
		"a long string is cut":         {`{"type":"subscribe","users":["` + strings.Repeat("é", 100) + `"]}`, wire.Request{Type: "subscribe", Invalid: []string{strings.Repeat("é", 32) + "..."}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := wire.Decode([]byte(row.text))
			if err != nil || !reflect.DeepEqual(got, row.want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, row.want)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	many := func(n int) string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf(`"00000000-0000-0000-0000-%012d"`, i))
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	for name, row := range map[string]struct {
		text string
		code wire.Code
		says string
		id   string
	}{
		"empty":                       {"", wire.BadMessage, "empty", ""},
		"white space":                 {" \n", wire.BadMessage, "empty", ""},
		"no JSON":                     {"hello", wire.BadMessage, "message: want an object at byte 0", ""},
		"a list":                      {`[1]`, wire.BadMessage, "want an object", ""},
		"no type":                     {`{"id":5}`, wire.BadMessage, "type: missing", "5"},
		"type is a number":            {`{"id":5,"type":7}`, wire.BadMessage, "type: want a string at byte 15", "5"},
		"id is a string":              {`{"type":"ping","id":"1"}`, wire.BadMessage, "id: want a number at byte 20", ""},
		"id is endless":               {`{"type":"ping","id":` + strings.Repeat("9", 100) + `}`, wire.BadMessage, "id: too long", ""},
		"a leading zero":              {`{"type":"ping","id":01}`, wire.BadMessage, "at byte 21", "0"},
		"users is an object":          {`{"type":"subscribe","users":{}}`, wire.BadMessage, "users: want a list at byte 28", ""},
		"users is a word":             {`{"type":"subscribe","users":"all"}`, wire.BadMessage, `"*"`, ""},
		"a user is a number":          {`{"type":"subscribe","users":[1]}`, wire.BadMessage, "users: want a string at byte 29", ""},
		"groups is everyone":          {`{"type":"subscribe","groups":"*"}`, wire.BadMessage, "groups: want a list", ""},
		"known is a list":             {`{"type":"subscribe","known":[]}`, wire.BadMessage, "known: want an object", ""},
		"a version is a number":       {`{"type":"subscribe","known":{"x":1}}`, wire.BadMessage, "known: want a string", ""},
		"a member twice":              {`{"type":"ping","id":1,"id":2}`, wire.BadMessage, "id: named twice", "1"},
		"nested deeply":               {`{"type":"ping","x":` + strings.Repeat("[", 100000) + `}`, wire.BadMessage, "nested too deeply", ""},
		"cut":                         {`{"type":"ping"`, wire.BadMessage, `want "," or "}"`, ""},
		"a string without end":        {`{"type":"ping`, wire.BadMessage, "does not end", ""},
		"an escape without end":       {`{"type":"ping\`, wire.BadMessage, "does not end", ""},
		"a bad escape":                {`{"type":"\x"}`, wire.BadMessage, "unknown escape", ""},
		"a bad unicode escape":        {`{"type":"\u12G4"}`, wire.BadMessage, "four hexadecimal digits", ""},
		"a control character":         {"{\"type\":\"a\nb\"}", wire.BadMessage, "control character", ""},
		"a control character, later":  {"{\"type\":\"\\n\nb\"}", wire.BadMessage, "control character", ""},
		"something behind":            {`{"type":"ping"}{}`, wire.BadMessage, "something follows the message at byte 15", ""},
		"NUL":                         {"{\"type\":\"ping\"}\x00", wire.BadMessage, "something follows", ""},
		"a trailing comma":            {`{"type":"ping",}`, wire.BadMessage, "want a string", ""},
		"a bad word":                  {`{"type":"ping","x":nul}`, wire.BadMessage, "want a value", ""},
		"no UTF-8":                    {"{\"type\":\"\xff\"}", wire.BadMessage, "UTF-8", ""},
		"no token":                    {`{"type":"authenticate"}`, wire.BadMessage, "token: missing", ""},
		"too many users":              {`{"id":3,"type":"subscribe","users":` + many(5001) + `}`, wire.TooManyUsers, "5000", "3"},
		"too many, though duplicates": {`{"id":3,"type":"subscribe","users":[` + strings.Repeat(`"x",`, 5000) + `"x"]}`, wire.TooManyUsers, "5000", "3"},
		"too many in both":            {`{"type":"subscribe","users":` + many(3000) + `,"groups":` + many(3000) + `}`, wire.TooManyUsers, "groups", ""},
		"a ping of too many":          {`{"type":"ping","id":1,"users":` + many(101) + `}`, wire.TooManyUsers, "100", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := wire.Decode([]byte(row.text))
			var wrong *wire.Error
			if !errors.As(err, &wrong) || wrong.Code != row.code || !strings.Contains(wrong.Message, row.says) || got.ID != row.id {
				t.Errorf("got id %q, %v; want id %q, %s saying %q", got.ID, err, row.id, row.code, row.says)
			}
		})
	}
}

func TestDecodeQuery(t *testing.T) {
	if q, err := wire.DecodeQuery([]byte(`{"users":["` + anna + `"]}`)); err != nil || len(q.Users) != 1 {
		t.Errorf("got %+v, %v", q, err)
	}
	if _, err := wire.DecodeQuery([]byte(`{"users":"*"}`)); err == nil {
		t.Error(`"*" was let through`)
	}
}

// Whatever a stranger sends: no panic, all bounds hold, and what is accepted is JSON.
func FuzzClientMessage(f *testing.F) {
	for _, seed := range []string{
		`{"type":"subscribe","id":1,"users":["` + anna + `","x"],"groups":["` + ben + `"],"known":{"` + anna + `":"1.A"}}`,
		`{"type":"subscribe","users":"*"}`, `{"type":"unsubscribe","id":2,"users":"*"}`, `{"type":"authenticate","token":"\u0041"}`,
		`{"type":"ping","id":-1.5e3,"users":["` + anna + `"]}`, `{"x":[[[[{}]]]],"type":"y"}`, "{\"type\":\"\xff\"}", `{"id":01}`, ``, `[`, `"`,
		`{"type":"\ud83d\ude00\ud83d"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		q, err := wire.Decode(text)
		if len(q.Users)+len(q.Mails)+len(q.Invalid)+len(q.Groups) > wire.MaxUsers {
			t.Fatal("too much was built")
		}
		if q.ID != "" && !json.Valid([]byte(q.ID)) {
			t.Fatalf("id %q would break the answer", q.ID)
		}
		answer := wire.AppendAck(nil, q.ID)
		if err != nil {
			var wrong *wire.Error
			if !errors.As(err, &wrong) {
				t.Fatalf("error is a %T", err)
			}
			answer = wire.AppendError(nil, q.ID, wrong)
		} else if !json.Valid(text) {
			t.Fatalf("accepted %q, which is no JSON", text)
		}
		answer = append(answer, '\n')
		if !json.Valid(answer) {
			t.Fatalf("answered %s", answer)
		}
		list := wire.Close(wire.AppendStrings(wire.CloseList(wire.OpenList(nil)), "invalid", q.Invalid), false)
		if !json.Valid(list) {
			t.Fatalf("answered %s", list)
		}
	})
}
