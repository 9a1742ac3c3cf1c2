package redis

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"github.com/presence-gateway/presence-gateway/hub/fleet"
)

// PostDirectory implements [fleet.Boards].
func (s *Store) PostDirectory(ctx context.Context, fence fleet.Fence, p fleet.Post) error {
	return s.post(ctx, "post the directory", []string{s.keys.directory, s.keys.lease}, fence.String(), "", p, s.o.Expire)
}

// PostWants implements [fleet.Boards].
func (s *Store) PostWants(ctx context.Context, replica string, p fleet.Post, ttl time.Duration) error {
	return s.post(ctx, "post what is wanted", []string{s.keys.wants + replica, s.keys.replicas}, "", replica, p, ttl)
}

func (s *Store) post(ctx context.Context, what string, keys []string, fence, replica string, p fleet.Post, ttl time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, loadLimit)
	defer cancel()
	whole := 0
	if p.Whole {
		whole = 1
	}
	args := []any{fence, replica, manifestText(p.Was), manifestText(p.Now), ttl.Milliseconds(), whole}
	for part, text := range p.Parts {
		args = append(args, part, text)
	}
	answer, err := postScript.run(ctx, s.client, keys, args...)
	switch {
	case err != nil:
		return fmt.Errorf("redis: %s: %w", what, s.troubled(ctx, err))
	case answer == "lost":
		return fleet.ErrLost
	case answer == "foreign":
		return fleet.ErrForeign
	}
	return nil
}

// manifestText is a manifest as it is kept, big-endian; empty for that of an empty board.
func manifestText(m fleet.Manifest) string {
	if m == (fleet.Manifest{}) {
		return ""
	}
	text := make([]byte, 0, 8*len(m))
	for _, hash := range m {
		text = binary.BigEndian.AppendUint64(text, hash)
	}
	return string(text)
}

func readManifest(text string) (m fleet.Manifest, err error) {
	if text == "" {
		return m, nil
	}
	if len(text) != 8*len(m) {
		return m, fmt.Errorf("redis: a manifest of %d bytes", len(text))
	}
	for i := range m {
		m[i] = binary.BigEndian.Uint64([]byte(text[8*i:]))
	}
	return m, nil
}

// Directory implements [fleet.Boards].
func (s *Store) Directory(ctx context.Context) (fleet.Manifest, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	said, err := s.client.HMGet(ctx, s.keys.directory, "m").Result()
	if err != nil {
		return fleet.Manifest{}, fmt.Errorf("redis: look at the directory: %w", s.troubled(ctx, err))
	}
	text, _ := said[0].(string)
	return readManifest(text)
}

// DirectoryParts implements [fleet.Boards].
func (s *Store) DirectoryParts(ctx context.Context, parts []int) ([][]byte, error) {
	return s.parts(ctx, s.keys.directory, parts)
}

// WantsParts implements [fleet.Boards].
func (s *Store) WantsParts(ctx context.Context, replica string, parts []int) ([][]byte, error) {
	return s.parts(ctx, s.keys.wants+replica, parts)
}

func (s *Store) parts(ctx context.Context, board string, parts []int) ([][]byte, error) {
	if len(parts) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, loadLimit)
	defer cancel()
	fields := make([]string, len(parts))
	for i, part := range parts {
		fields[i] = strconv.Itoa(part)
	}
	said, err := s.client.HMGet(ctx, board, fields...).Result()
	if err != nil {
		return nil, fmt.Errorf("redis: read a board: %w", s.troubled(ctx, err))
	}
	texts := make([][]byte, len(parts))
	for i := range said {
		if text, there := said[i].(string); there {
			texts[i] = []byte(text)
		}
	}
	return texts, nil
}

// Wants implements [fleet.Boards].
func (s *Store) Wants(ctx context.Context) (map[string]fleet.Manifest, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	answer, err := wantsScript.run(ctx, s.client, []string{s.keys.replicas}, s.keys.wants)
	if err != nil {
		return nil, fmt.Errorf("redis: look at what is wanted: %w", s.troubled(ctx, err))
	}
	said, _ := answer.([]any)
	wants := make(map[string]fleet.Manifest, len(said)/2)
	for i := 0; i+1 < len(said); i += 2 {
		replica, _ := said[i].(string)
		text, _ := said[i+1].(string)
		if wants[replica], err = readManifest(text); err != nil {
			return nil, err
		}
	}
	return wants, nil
}

// Withdraw implements [fleet.Boards].
func (s *Store) Withdraw(ctx context.Context, replica string) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	pipe := s.client.Pipeline()
	pipe.Del(ctx, s.keys.wants+replica)
	pipe.ZRem(ctx, s.keys.replicas, replica)
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("redis: take back what was wanted: %w", s.troubled(ctx, err))
	}
	return nil
}
