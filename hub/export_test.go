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
