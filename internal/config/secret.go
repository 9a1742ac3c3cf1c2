package config

// Secret is a value that came from the environment and is never printed: formatting or marshalling it gives a
// placeholder. Convert it to a string where it is used.
type Secret string

const placeholder = "[secret]"

// String returns a placeholder, or nothing if there is no secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return placeholder
}

// GoString is String: %#v must not show the value either.
func (s Secret) GoString() string { return s.String() }

// MarshalText is String, so that no encoder writes the value.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
