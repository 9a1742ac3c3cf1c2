package auth_test

import "encoding/base64"

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
