package auth

// OpenTickets counts the tickets that are kept.
func OpenTickets(v *Verifier) int {
	v.tickets.mu.Lock()
	defer v.tickets.mu.Unlock()
	return len(v.tickets.open)
}
