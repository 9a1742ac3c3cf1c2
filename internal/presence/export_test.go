package presence

// HeldContents counts the contents that are interned now.
func HeldContents() int {
	contents.Lock()
	defer contents.Unlock()
	return len(contents.held)
}
