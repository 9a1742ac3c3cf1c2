package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// position is where a shard stands. Two tables at the same one are equal.
type position struct {
	Epoch  string `json:"epoch"`
	Offset uint64 `json:"offset"`
	Count  int    `json:"count"`
	Digest string `json:"digest"`
}

// message is one of a shard's channel, as far as this reader needs it.
type message struct {
	From, To          position
	Presences, Gone   []json.RawMessage
	Forgotten, Lapsed []string
	Reload            bool
}

// shard is one part of the table.
type shard struct {
	client redis.UniversalClient
	name   string
	heard  time.Time // when something came last
	at     position
	held   map[string]string // user -> presence, JSON; nil: not loaded
}

// load reads the whole shard.
func (s *shard) load(ctx context.Context) {
	pipe := s.client.TxPipeline()
	meta := pipe.HMGet(ctx, s.name+"meta", "epoch", "offset", "count", "digest")
	state := pipe.HGetAll(ctx, s.name+"state")
	if _, err := pipe.Exec(ctx); err != nil {
		log.Print(err)
		s.held = nil // the next message finds nothing, and loads again
		return
	}
	text := func(i int) string {
		if said, ok := meta.Val()[i].(string); ok {
			return said
		}
		return "0"
	}
	s.at = position{Epoch: text(0), Digest: text(3)}
	s.at.Offset, _ = strconv.ParseUint(text(1), 10, 64)
	s.at.Count, _ = strconv.Atoi(text(2))
	before := s.held
	s.held = map[string]string{}
	for user, presence := range state.Val() {
		if before[user] == presence {
			s.held[user] = presence
		} else {
			s.set(presence)
		}
	}
	for user := range before {
		if _, still := s.held[user]; !still {
			fmt.Printf("{\"dropped\":%q}\n", user)
		}
	}
	s.verify()
}

// apply does what a message says. It reports false if something was missed.
func (s *shard) apply(text []byte) bool {
	var m message
	if err := json.Unmarshal(text, &m); err != nil {
		log.Print(err)
		return false
	}
	switch {
	case s.held == nil || m.Reload && m.To != s.at:
		return false
	case m.To == s.at:
		return true
	case m.To.Epoch == s.at.Epoch && m.To.Offset <= s.at.Offset && m.From != s.at:
		return true // older than what was loaded
	case m.From != s.at:
		return false
	}
	for _, users := range [][]string{m.Forgotten, m.Lapsed} {
		for _, user := range users {
			if _, held := s.held[user]; held {
				delete(s.held, user)
				fmt.Printf("{\"dropped\":%q}\n", user)
			}
		}
	}
	for _, states := range [][]json.RawMessage{m.Presences, m.Gone} {
		for _, presence := range states {
			s.set(string(presence))
		}
	}
	s.at = m.To
	return s.verify()
}

func (s *shard) set(presence string) {
	var who struct{ ID string }
	if err := json.Unmarshal([]byte(presence), &who); err != nil {
		log.Print(err)
		return
	}
	s.held[who.ID] = presence
	fmt.Println(presence)
}

// verify compares what is held with what it should be. A difference would be a mistake of the reader, or of the writer.
func (s *shard) verify() bool {
	sum := uint64(0)
	for _, presence := range s.held {
		sum ^= digest(presence)
	}
	is := strconv.FormatUint(sum, 16)
	if len(s.held) == s.at.Count && strings.TrimLeft(s.at.Digest, "0") == strings.TrimLeft(is, "0") {
		return true
	}
	log.Printf("%s: %d states with digest %s, want %+v", s.name, len(s.held), is, s.at)
	return false
}

// digest is the number of one state.
func digest(presence string) uint64 {
	var p struct {
		ID, Version string
		Gone        bool
	}
	if json.Unmarshal([]byte(presence), &p) != nil {
		return 0
	}
	hash := fnv1a(p.ID + "\x00" + p.Version)
	if !p.Gone {
		content := presence[len(`{"id":"`+p.ID+`",`):]
		end := strings.Index(content, `,"sequenceNumber":"`)
		if end < 0 {
			end = strings.Index(content, `,"version":"`)
		}
		hash ^= fnv1a(content[:end])
	}
	hash = (hash ^ hash>>33) * 0xff51afd7ed558ccd
	hash = (hash ^ hash>>33) * 0xc4ceb9fe1a85ec53
	return hash ^ hash>>33
}

func fnv1a(text string) uint64 {
	hash := uint64(14695981039346656037)
	for i := 0; i < len(text); i++ {
		hash = (hash ^ uint64(text[i])) * 1099511628211
	}
	return hash
}
