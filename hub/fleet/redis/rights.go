package redis

import (
	"context"
	"fmt"
	"strings"

	"github.com/presence-gateway/presence-gateway/hub/fleet"
)

// Rights are what the user lacks, command by command; empty where it lacks nothing.
type Rights struct {
	Serve []string // to be a gateway: read and hear everything, write what it wants
	Poll  []string // to poll: write and publish everything as well
}

var rightsScript = newScript("rights", false)

// Rights tries what the roles do, on keys of its own, which do not stay. The error says that Redis does not answer.
func (s *Store) Rights(ctx context.Context) (r Rights, err error) {
	if r.Serve, err = s.readingRights(ctx); err != nil {
		return r, err
	}
	lacking, err := s.probe(ctx, "wants")
	if err != nil {
		return r, err
	}
	r.Serve = append(r.Serve, lacking...)
	publish := "PUBLISH"
	if s.cluster != nil {
		publish = "SPUBLISH"
	}
	r.Poll, err = s.probe(ctx, "check", publish, s.o.Prefix+":{check}:deltas")
	return r, err
}

// probe tries writes where tag says, and names the commands that are refused.
func (s *Store) probe(ctx context.Context, tag string, args ...any) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, loadLimit)
	defer cancel()
	keys := []string{fmt.Sprintf("%s:{%s}:rights:hash", s.o.Prefix, tag), fmt.Sprintf("%s:{%s}:rights:key", s.o.Prefix, tag)}
	answer, err := rightsScript.run(ctx, s.client, keys, args...)
	if refused(err) {
		return []string{fmt.Sprintf("EVAL on %s:{%s}:*", s.o.Prefix, tag)}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("redis: try rights: %w", s.troubled(ctx, err))
	}
	var lacking []string
	list, _ := answer.([]any)
	for _, command := range list {
		name, _ := command.(string)
		lacking = append(lacking, name)
	}
	return lacking, nil
}

func (s *Store) readingRights(ctx context.Context) (lacking []string, err error) {
	for _, try := range []struct {
		what string
		do   func() error
	}{
		{"read states", func() error { _, err := s.Load(ctx, 0, fleet.Position{}); return err }},
		{"read the directory", func() error { _, err := s.Directory(ctx); return err }},
		{"read what is wanted", func() error { _, err := s.Wants(ctx); return err }},
		{"subscribe", func() error { return s.tryHearing(ctx) }},
	} {
		switch err := try.do(); {
		case refused(err):
			lacking = append(lacking, try.what)
		case err != nil:
			return nil, err
		}
	}
	return lacking, nil
}

func (s *Store) tryHearing(ctx context.Context) error {
	e := &ear{s: s, shards: []int{0}}
	sub := e.open(ctx)
	defer sub.Close()
	if err := e.subscribe(ctx, sub); err != nil {
		return err
	}
	_, err := sub.ReceiveTimeout(ctx, confirmLimit)
	return s.troubled(ctx, err)
}

// refused reports whether an error is the lack of a right, of a command or of one within a script.
func refused(err error) bool { return err != nil && lacksRight(err.Error()) }

func lacksRight(said string) bool {
	return strings.Contains(said, "NOPERM") || strings.Contains(said, "executing the script can't")
}
