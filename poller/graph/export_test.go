package graph

import (
	"net/http"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// MaxDepth is how deeply an answer may nest.
const MaxDepth = maxDepth

// Decode reads body as the answer to a question about ids.
func Decode(body []byte, ids []presence.ID, single bool, fields presence.Fields) (*Answer, error) {
	return NewDecoder(fields).Decode(body, ids, single)
}

// Decoder decodes one answer after another in the same memory, as a client does.
type Decoder struct {
	scratch *scratch
	fields  presence.Fields
}

func NewDecoder(fields presence.Fields) *Decoder { return &Decoder{newScratch(), fields} }

func (d *Decoder) Decode(body []byte, ids []presence.ID, single bool) (*Answer, error) {
	defer d.scratch.tidy()
	d.scratch.ask(ids)
	d.scratch.body.Reset()
	d.scratch.body.Write(body)
	if err := d.scratch.decode(single, d.fields); err != nil {
		return nil, err
	}
	return d.scratch.collect(ids, &exchange{}), nil
}

// RetryAfter reads the header.
func RetryAfter(h http.Header, now time.Time) (time.Duration, bool) { return retryAfter(h, now) }

// Root is the address under which a client asks.
func Root(c *Client) string { return c.root.String() }

// ParseChallenge is parseChallenge, for the fuzzer.
func ParseChallenge(line string) (string, bool) { return parseChallenge(line) }
