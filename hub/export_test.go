package hub

// Entries counts the users that have an entry.
func (h *Hub) Entries() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.table.handles)
}
