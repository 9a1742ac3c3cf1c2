package presence

// Digest returns a number for who, which version and what it says: equal for equal states in every process, and part of
// what others may rely on. XORed over all users it tells whether two tables are the same: FNV-1a over the id's lower-case
// text, the version's text and the whole content's JSON (gone: nothing), with a zero byte before the second and the
// third, finished so that each bit depends on all ("fmix64").
func (s *State) Digest() uint64 {
	var buffer [128]byte
	text, _ := s.ID.AppendText(buffer[:0])
	text = append(text, 0)
	text, _ = s.Version.AppendText(text)
	text = append(text, 0)
	hash := uint64(14695981039346656037)
	for _, b := range text {
		hash = (hash ^ uint64(b)) * 1099511628211
	}
	if s.Content != nil {
		json := s.Content.View(everything)
		for i := 0; i < len(json); i++ {
			hash = (hash ^ uint64(json[i])) * 1099511628211
		}
	}
	hash = (hash ^ hash>>33) * 0xff51afd7ed558ccd
	hash = (hash ^ hash>>33) * 0xc4ceb9fe1a85ec53
	return hash ^ hash>>33
}

const everything = OutOfOffice | OutOfOfficeMessage | StatusMessage | WorkLocation
