package presence

// Digest returns a number for who, which version and what it says: the same for the same state in every process. XORed
// over all users it tells whether two tables are equal. It is part of what other processes rely on and never changes:
//
//	fmix64(fnv1a(id, 0, version) XOR fnv1a(content))
//
// with the 64-bit FNV-1a of the lower-case id, a zero byte and the version's text, that of the members of the content's
// JSON as [Content.View] gives them for all fields (without them, 0, for a user who is gone), and MurmurHash3's finish.
func (s *State) Digest() uint64 {
	var buffer [128]byte
	text, _ := s.ID.AppendText(buffer[:0])
	text = append(text, 0)
	text, _ = s.Version.AppendText(text)
	hash := fnv(text)
	if s.Content != nil {
		hash ^= s.Content.hash
	}
	hash = (hash ^ hash>>33) * 0xff51afd7ed558ccd
	hash = (hash ^ hash>>33) * 0xc4ceb9fe1a85ec53
	return hash ^ hash>>33
}

func fnv(text []byte) uint64 {
	hash := uint64(14695981039346656037)
	for _, b := range text {
		hash = (hash ^ uint64(b)) * 1099511628211
	}
	return hash
}
