package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// A group's pages are bounded in number and, all together, in size. Full ones hold 999 users, so that a million fit
// four times over; empty ones are allowed, endless ones are not. A million users with all that is asked of them are
// some 300 MiB, and the bound is 512 by default.
const (
	maxPages   = 4096
	maxAnswers = 64 // times Options.MaxAnswerBytes
)

// person is a user, and a group as far as its name goes. Graph gives null for what is not set or not granted.
type person struct {
	ID          string `json:"id"`
	DisplayName string `json:"displayName"`
	Department  string `json:"department"`
	JobTitle    string `json:"jobTitle"`
	Mail        string `json:"mail"`
}

// members is one page of a group's members.
type members struct {
	Value *[]person `json:"value"`
	Next  string    `json:"@odata.nextLink"`
}

const profile = "id,displayName,department,jobTitle,mail"

// Members returns a group with all its users, those of nested groups included, each once and in order of id. With
// names it also returns what the directory says of them, and the group has its name; where the right to read names
// was not granted, no people are returned and the group has none.
//
// It asks page after page, each a request of its own with its own timeout, and none of them a presence read. The
// directory answers from an index that may lag recent changes. The error is an [*Error].
func (c *Client) Members(ctx context.Context, id presence.ID, names bool) (presence.Group, []presence.Person, error) {
	const op = "read group members"
	group := presence.Group{ID: id}
	fields := "id"
	if names {
		fields = profile
		name, err := c.groupName(ctx, id)
		if err != nil {
			return presence.Group{}, nil, err
		}
		group.DisplayName = name
	}
	next := c.root.JoinPath("groups", id.String(), "transitiveMembers/microsoft.graph.user")
	next.RawQuery = "$select=" + fields + "&$top=999&$count=true"
	found := make(map[presence.ID]presence.Person)
	named := false
	size := int64(0)
	for range maxPages {
		var page members
		// The cast to users is an advanced query, which asks for this header and for $count.
		x := &exchange{op: op, method: http.MethodGet, url: next, header: http.Header{"ConsistencyLevel": {"eventual"}}}
		if err := c.get(ctx, x, &page); err != nil {
			return presence.Group{}, nil, err
		}
		if size += x.size; size > maxAnswers*c.maxBytes {
			return presence.Group{}, nil, x.failed(fmt.Errorf("the pages are larger than %d bytes together", maxAnswers*c.maxBytes))
		}
		if page.Value == nil {
			return presence.Group{}, nil, x.failed(errors.New("the answer has no list of values"))
		}
		for _, p := range *page.Value {
			if id, err := presence.ParseID(p.ID); err == nil {
				found[id] = p.as(id)
				named = named || p.DisplayName != ""
			}
		}
		if page.Next == "" {
			return collectMembers(group, found, names && named)
		}
		var err error
		if next, err = c.follow(next, page.Next); err != nil {
			return presence.Group{}, nil, x.failed(err)
		}
	}
	return presence.Group{}, nil, &Error{Op: op, Err: fmt.Errorf("more than %d pages", maxPages)}
}

func collectMembers(group presence.Group, found map[presence.ID]presence.Person, names bool) (presence.Group, []presence.Person, error) {
	group.Members = make([]presence.ID, 0, len(found))
	for id := range found {
		group.Members = append(group.Members, id)
	}
	slices.SortFunc(group.Members, presence.ID.Compare)
	if !names {
		return group, nil, nil
	}
	people := make([]presence.Person, len(group.Members))
	for i, id := range group.Members {
		people[i] = found[id]
	}
	return group, people, nil
}

// follow returns the address of the next page: Graph's link whole and unread, but for its host, since the token
// goes with it.
func (c *Client) follow(last *url.URL, link string) (*url.URL, error) {
	next, err := url.Parse(link)
	switch {
	case err != nil:
		return nil, errors.New("the link to the next page is no URL")
	case next.Scheme != c.root.Scheme || next.Host != c.root.Host || next.User != nil:
		return nil, fmt.Errorf("the next page is at %.128q: a token is not carried there", next.Scheme+"://"+next.Host)
	case *next == *last:
		return nil, errors.New("the next page is this one")
	}
	next.Fragment, next.RawFragment = "", ""
	return next, nil
}

// groupName returns a group's name, empty where reading it was not granted.
func (c *Client) groupName(ctx context.Context, id presence.ID) (string, error) {
	x := &exchange{op: "read group", method: http.MethodGet, url: c.root.JoinPath("groups", id.String())}
	x.url.RawQuery = "$select=id,displayName"
	var group person
	err := c.get(ctx, x, &group)
	if refused := (*Error)(nil); errors.As(err, &refused) && refused.Status == http.StatusForbidden {
		return "", nil
	}
	return group.DisplayName, err
}

// get sends x and decodes its answer, a JSON object.
func (c *Client) get(ctx context.Context, x *exchange, into any) error {
	var body bytes.Buffer
	if err := c.do(ctx, x, &body); err != nil {
		return err
	}
	if err := json.Unmarshal(body.Bytes(), into); err != nil {
		return x.failed(errors.New("the answer is not the JSON that was asked for"))
	}
	return nil
}

// failed is the error of an exchange whose answer arrived and was no use.
func (x *exchange) failed(err error) *Error {
	return &Error{
		Op:              x.op,
		Status:          http.StatusOK,
		RequestID:       x.requestID,
		ClientRequestID: x.clientRequestID,
		Answered:        true,
		Err:             err,
	}
}

func (p person) as(id presence.ID) presence.Person {
	return presence.Person{ID: id, DisplayName: p.DisplayName, Department: p.Department, JobTitle: p.JobTitle, Mail: p.Mail}
}
