package graph

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Answer is what one request brought.
type Answer struct {
	Readings []presence.Reading // one for each user of the request who was in the answer, in the request's order
	Missing  []presence.ID      // those who were not, in the request's order

	Foreign           int // rows dropped because nobody asked for their users
	Malformed         int // rows dropped because they carry no user id or no availability
	UnknownProperties int // properties dropped because the schema has no such name, or not with such a value

	RequestID, ClientRequestID string
	Asked                      time.Time // the request began
	Answered                   time.Time // its answer was here, whole
}

const opRead = "read presences"

// Read asks for the presences of ids, which are distinct and at most [Client.BatchSize]. It is one request at most,
// whatever happens: none is repeated, by anyone. The one id of a [Me] client is the signed-in user's; an answer
// about someone else is an error.
//
// The error is an [*Error]. Its ClientRequestID is empty exactly when nothing was sent.
func (c *Client) Read(ctx context.Context, ids []presence.ID) (*Answer, error) {
	s := c.scratch.Get().(*scratch)
	defer c.scratch.Put(s)
	defer s.tidy()
	if len(ids) == 0 || len(ids) > c.BatchSize() {
		return nil, &Error{Op: opRead, Err: fmt.Errorf("%d users in a request: want 1 to %d", len(ids), c.BatchSize())}
	}
	if !s.ask(ids) {
		return nil, &Error{Op: opRead, Err: errors.New("a user twice in a request")}
	}
	x := c.question(ids)
	if err := c.do(ctx, x, &s.body); err != nil {
		return nil, err
	}
	err := s.decode(c.kind != Batch, c.fields)
	if err == nil && c.kind == Me && s.answer.Foreign > 0 {
		err = errors.New("the answer is about another user than the one configured as signed in")
	}
	if err != nil {
		return nil, x.failed(err)
	}
	return s.collect(ids, x), nil
}

// question returns the request for ids.
func (c *Client) question(ids []presence.ID) *exchange {
	x := &exchange{op: opRead, method: http.MethodGet}
	switch c.kind {
	case Users:
		x.url = c.root.JoinPath("users", ids[0].String(), "presence")
	case Communications:
		x.url = c.root.JoinPath("communications/presences", ids[0].String())
	case Me:
		x.url = c.root.JoinPath("me/presence")
	default:
		x.method = http.MethodPost
		x.url = c.root.JoinPath("communications/getPresencesByUserId")
		x.body = batch(ids)
	}
	return x
}

// batch returns {"ids":["...","..."]}.
func batch(ids []presence.ID) []byte {
	body := make([]byte, 0, len(`{"ids":[]}`)+len(ids)*len(`"00000000-0000-0000-0000-000000000000",`))
	body = append(body, `{"ids":[`...)
	for i, id := range ids {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, '"')
		body, _ = id.AppendText(body)
		body = append(body, '"')
	}
	return append(body, ']', '}')
}

// collect returns what was decoded of the answer to x.
func (s *scratch) collect(ids []presence.ID, x *exchange) *Answer {
	answer := s.answer
	answer.RequestID, answer.ClientRequestID = x.requestID, x.clientRequestID
	answer.Asked, answer.Answered = x.asked, x.answered
	answer.Readings = make([]presence.Reading, 0, len(ids))
	for i, id := range ids {
		if !s.filled[i] {
			answer.Missing = append(answer.Missing, id)
			continue
		}
		facts := &s.rows[i].facts
		if facts.Activity == "" {
			facts.Activity = unknown // left out altogether
		}
		answer.Readings = append(answer.Readings, presence.Reading{
			ID:       id,
			Content:  presence.Intern(*facts, s.fields),
			Sequence: s.rows[i].sequence,
			Asked:    x.asked,
			Answered: x.answered,
		})
	}
	return &answer
}
