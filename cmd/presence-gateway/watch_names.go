package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// named is what the gateway's directory says of somebody.
type named struct {
	ID          string `json:"id"`
	DisplayName string `json:"displayName"`
	Department  string `json:"department"`
	JobTitle    string `json:"jobTitle"`
}

// names asks the gateway's directory who people are, where it tells: without it, ids are shown.
type names struct {
	base, token string
	call        chan struct{} // holds one: somebody is shown whose name is not known
	again       time.Duration // after which a directory that lacks names is read again, doubled each time
}

const (
	namesEvery = 10 * time.Second // how often names are asked for at most, once they are there
	namesAgain = time.Second
	namesTries = 6 // a gateway that has just begun reads them within a minute; one that tells none never does
)

func newNames(address, token string) *names {
	n := &names{token: token, call: make(chan struct{}, 1), again: namesAgain}
	if u, err := url.Parse(address); err == nil {
		u.Scheme = map[string]string{"ws": "http", "wss": "https", "http": "http", "https": "https"}[u.Scheme]
		u.Path = strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), "/v1/stream")
		n.base = u.JoinPath("/v1/directory").String()
	}
	return n
}

// ask has the directory read again soon.
func (n *names) ask() {
	select {
	case n.call <- struct{}{}:
	default:
	}
}

// follow sends all names whenever they were read, until ctx ends. A directory that cannot be read, or in which
// somebody has no name yet, is read again some times.
func (n *names) follow(ctx context.Context) <-chan map[string]named {
	found := make(chan map[string]named)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-n.call:
			}
			for try := 1; ; try++ {
				people, err := n.read(ctx)
				if err == nil && len(people) > 0 {
					select {
					case found <- people:
					case <-ctx.Done():
						return
					}
				}
				if err == nil && allNamed(people) || try == namesTries {
					break
				}
				if !rest(ctx, n.again<<(try-1)) {
					return
				}
			}
			if !rest(ctx, namesEvery) {
				return
			}
		}
	}()
	return found
}

// allNamed reports whether everybody in the directory has a name, and somebody is there.
func allNamed(people map[string]named) bool {
	for _, p := range people {
		if p.DisplayName == "" {
			return false
		}
	}
	return len(people) > 0
}

// rest waits, and reports whether the context is still alive.
func rest(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func (n *names) read(ctx context.Context) (map[string]named, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	people := map[string]named{}
	for next, page := "", 0; page < 2000; page++ { // of 500 each
		var answer struct {
			People []named `json:"people"`
			Next   string  `json:"next"`
		}
		if err := n.page(ctx, next, &answer); err != nil {
			return nil, err
		}
		for _, p := range answer.People {
			people[p.ID] = p
		}
		if next = answer.Next; next == "" {
			break
		}
	}
	return people, nil
}

func (n *names) page(ctx context.Context, next string, answer any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, n.base, nil)
	if err != nil {
		return err
	}
	if next != "" {
		r.URL.RawQuery = url.Values{"next": {next}}.Encode()
	}
	if n.token != "" {
		r.Header.Set("Authorization", "Bearer "+n.token)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("directory: %s", response.Status)
	}
	return json.NewDecoder(response.Body).Decode(answer)
}
