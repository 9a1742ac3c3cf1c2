package graph

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// MaxPeople is how many users one call of [Client.People] or [Client.Find] may name: Graph documents fifteen
// expressions for the operator in of a filter.
const MaxPeople = 15

// maxAddress is how long an address may be: Graph's filters compare 120 characters.
const maxAddress = 120

// filtered is one page of a list of users.
type filtered struct {
	Value *[]struct {
		person
		Name string `json:"userPrincipalName"`
	} `json:"value"`
	Next string `json:"@odata.nextLink"`
}

// People returns what the directory says of users, at most [MaxPeople], those left out whom it does not know. It is one
// request, and no presence read. The error is an [*Error].
func (c *Client) People(ctx context.Context, ids []presence.ID) ([]presence.Person, error) {
	texts, asked := make([]string, len(ids)), make(map[presence.ID]bool, len(ids))
	for i, id := range ids {
		texts[i], asked[id] = id.String(), true
	}
	var people []presence.Person
	err := c.filter(ctx, "id", texts, profile, func(page *filtered) {
		for _, p := range *page.Value {
			if id, err := presence.ParseID(p.ID); err == nil && asked[id] {
				asked[id] = false
				people = append(people, p.as(id))
			}
		}
	})
	return people, err
}

// Find returns whose e-mail addresses these are, at most [MaxPeople], by the address as it was given; letter case does
// not count. An address is somebody's whose mail it is, or else whose user principal name. One that two users have is
// nobody's: it cannot be told who was meant. It is at most two requests, and no presence read. The error is an [*Error].
func (c *Client) Find(ctx context.Context, addresses []string) (map[string]presence.ID, error) {
	found := make(map[string]presence.ID, len(addresses))
	for _, property := range []string{"mail", "userPrincipalName"} {
		var left []string
		for _, address := range addresses {
			if _, known := found[address]; !known && len(address) <= maxAddress {
				left = append(left, address)
			}
		}
		if len(left) == 0 {
			break
		}
		err := c.filter(ctx, property, left, "id,mail,userPrincipalName", func(page *filtered) {
			for _, p := range *page.Value {
				value := p.Mail
				if property != "mail" {
					value = p.Name
				}
				for _, address := range left {
					if !strings.EqualFold(address, value) {
						continue
					}
					id, err := presence.ParseID(p.ID)
					if other, taken := found[address]; err != nil || taken && other != id {
						id = presence.ID{}
					}
					found[address] = id
				}
			}
		})
		if err != nil {
			return nil, err
		}
	}
	for address, id := range found {
		if id.IsZero() {
			delete(found, address)
		}
	}
	return found, nil
}

// filter asks for the users whose property is one of values.
func (c *Client) filter(ctx context.Context, property string, values []string, fields string, take func(*filtered)) error {
	if len(values) == 0 {
		return nil
	}
	quoted := make([]string, len(values))
	for i, value := range values {
		quoted[i] = "'" + strings.ReplaceAll(value, "'", "''") + "'"
	}
	next := c.root.JoinPath("users")
	clause := url.QueryEscape(property + " in (" + strings.Join(quoted, ",") + ")")
	next.RawQuery = "$filter=" + strings.ReplaceAll(clause, "+", "%20") + "&$select=" + fields
	for range maxFewPages {
		var page filtered
		x := &exchange{op: "read users", method: http.MethodGet, url: next}
		if err := c.get(ctx, x, &page); err != nil {
			return err
		}
		if page.Value == nil {
			return x.failed(errors.New("the answer has no list of values"))
		}
		if take(&page); page.Next == "" {
			return nil
		}
		var err error
		if next, err = c.follow(next, page.Next); err != nil {
			return x.failed(err)
		}
	}
	return &Error{Op: "read users", Err: errors.New("more pages than users")}
}

// maxFewPages is how many pages a few users may be spread over, empty ones among them.
const maxFewPages = 20
