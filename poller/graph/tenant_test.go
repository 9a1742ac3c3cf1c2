package graph_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller/graph"
)

// tenant returns n users and a batch answer about them, with the properties and in about the mix of a real one.
func tenant(n int) ([]presence.ID, []byte) {
	random := rand.New(rand.NewPCG(1, 2))
	states := [][2]string{{"Available", "Available"}, {"Busy", "InAMeeting"}, {"Busy", "InACall"}, {"Away", "Away"}, {"Offline", "Offline"}, {"DoNotDisturb", "Presenting"}}
	ids := make([]presence.ID, n)
	var body bytes.Buffer
	body.WriteString(`{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#Collection(presence)","value":[`)
	for i := range ids {
		for j := range ids[i] {
			ids[i][j] = byte(random.Uint32())
		}
		if i > 0 {
			body.WriteByte(',')
		}
		state := states[random.IntN(len(states))]
		message := "null"
		if i%10 == 0 {
			message = fmt.Sprintf(`{"message":{"content":"Back at %d o'clock","contentType":"text"}}`, i)
		}
		fmt.Fprintf(&body, `{"id":"%s","availability":"%s","activity":"%s","outOfOfficeSettings":{"message":null,"isOutOfOffice":%t},"statusMessage":%s,"sequenceNumber":"A%010d"}`,
			ids[i], state[0], state[1], i%20 == 0, message, random.Uint32())
	}
	body.WriteString("]}")
	return ids, body.Bytes()
}

func gzipped(t testing.TB, body []byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.Write(body)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

func asError(t testing.TB, err error) *graph.Error {
	t.Helper()
	var failure *graph.Error
	if !errors.As(err, &failure) {
		t.Fatalf("got %v, want an *Error", err)
	}
	return failure
}
