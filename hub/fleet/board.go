package fleet

import "encoding/binary"

// digest returns what a part's bytes come to in a manifest.
func digest(part []byte) uint64 {
	if len(part) == 0 {
		return 0
	}
	hash := uint64(14695981039346656037)
	for _, b := range part {
		hash = (hash ^ uint64(b)) * 1099511628211
	}
	hash = (hash ^ hash>>33) * 0xff51afd7ed558ccd
	return max(1, hash^hash>>33)
}

// hash names the whole manifest; 0 is the empty board's.
func (m *Manifest) hash() uint64 {
	if *m == (Manifest{}) {
		return 0
	}
	var bytes [8 * Parts]byte
	for i, part := range m {
		binary.LittleEndian.PutUint64(bytes[8*i:], part)
	}
	return digest(bytes[:])
}

// differ returns the parts that two manifests have not in common.
func (m *Manifest) differ(other *Manifest) (parts []int) {
	for i := range m {
		if m[i] != other[i] {
			parts = append(parts, i)
		}
	}
	return parts
}

// board is what this process posts: the parts as they should stand, and what is known to stand.
type board struct {
	parts [Parts][]byte
	now   Manifest
	was   Manifest
	known bool // was is what stands
}

func (b *board) set(part int, bytes []byte) {
	b.parts[part] = bytes
	b.now[part] = digest(bytes)
}

// post returns what has to be posted.
func (b *board) post() Post {
	p := Post{Was: b.was, Now: b.now, Parts: map[int][]byte{}, Whole: !b.known}
	for i := range b.parts {
		if p.Whole && b.now[i] != 0 || !p.Whole && b.now[i] != b.was[i] {
			p.Parts[i] = b.parts[i]
		}
	}
	return p
}

// posted notes that p stands now.
func (b *board) posted(p Post) { b.was, b.known = p.Now, true }
