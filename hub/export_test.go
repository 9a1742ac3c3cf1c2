package hub

// Entries counts the users that have an entry.
func (h *Hub) Entries() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	entries := 0
	for _, handles := range h.table.handles {
		entries += len(handles)
	}
	return entries
}

// CompactFrom has the log of a set compacted from so many events on, and returns how to undo it.
func CompactFrom(events int) (undo func()) {
	before := minCompact
	minCompact = events
	return func() { minCompact = before }
}
