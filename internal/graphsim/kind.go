package graphsim

// kind is what a request is, for counting and for aiming faults.
type kind uint8

const (
	kindMe kind = iota
	kindUsers
	kindCommunications
	kindBatch
	kindDirectory
	kindToken
	kindCount
)

// presenceKinds is how many kinds, from the first, are presence reads.
const presenceKinds = kindDirectory

var kindNames = [kindCount]string{"me", "users", "communications", "batch", "directory", "token"}

func (k kind) String() string { return kindNames[k] }

func (k kind) presence() bool { return k < presenceKinds }

func kindNamed(name string) (kind, bool) {
	for k, n := range kindNames {
		if n == name {
			return kind(k), true
		}
	}
	return 0, false
}
