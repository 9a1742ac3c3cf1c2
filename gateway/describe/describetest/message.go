package describetest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// server and client are the types of message by who says them; the name of a payload's schema is the type in capitals.
var (
	server = map[string]bool{"hello": true, "status": true, "snapshot": true, "delta": true, "gone": true, "heartbeat": true,
		"ack": true, "error": true, "pong": true, "expiring": true, "goodbye": true}
	client = map[string]bool{"subscribe": true, "unsubscribe": true, "authenticate": true, "ping": true}
	event  = map[string]bool{"snapshot": true, "delta": true, "gone": true, "status": true, "heartbeat": true}
)

// Message holds a message of the gateway against its description.
func Message(t testing.TB, text []byte) {
	t.Helper()
	if err := checkMessage(server, text); err != nil {
		t.Errorf("a message is not as asyncapi.yaml has it: %v\n%.2000s", err, text)
	}
}

// Request holds a message of a client that means well against its description.
func Request(t testing.TB, text []byte) {
	t.Helper()
	if err := checkMessage(client, text); err != nil {
		t.Errorf("a client's message is not as asyncapi.yaml has it: %v\n%.2000s", err, text)
	}
}

// Event holds a Server-Sent Event against the description of the message it carries.
func Event(t testing.TB, name string, data []byte) {
	t.Helper()
	err := checkMessage(event, data)
	var message struct{ Type string }
	if _ = json.Unmarshal(data, &message); err == nil && message.Type != name {
		err = fmt.Errorf("the event is named %q", name)
	}
	if err != nil {
		t.Errorf("an event is not as openapi.yaml has it: %v\n%.2000s", err, data)
	}
}

func checkMessage(types map[string]bool, text []byte) error {
	var message struct{ Type string }
	if err := json.Unmarshal(text, &message); err != nil {
		return err
	}
	if !types[message.Type] {
		return fmt.Errorf("type %q is not described", message.Type)
	}
	return asyncAPI().validate("/components/schemas/"+strings.ToUpper(message.Type[:1])+message.Type[1:], text)
}
