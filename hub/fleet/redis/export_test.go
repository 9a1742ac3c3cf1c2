package redis

import "github.com/presence-gateway/presence-gateway/hub/fleet"

// Encode returns what is published of a message.
func Encode(s *Store, m *fleet.Message) []byte {
	text, _ := s.encode(m, m.Fence)
	return []byte(text)
}

// ReadMessage is for benchmarks and fuzzing.
func ReadMessage(shard int, text []byte) (*fleet.Message, error) { return readMessage(shard, text) }
