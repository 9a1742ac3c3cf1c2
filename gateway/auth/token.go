package auth

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"
)

// token is an access token taken apart and not believed yet.
type token struct {
	signed    string // what the signature covers
	signature []byte
	keyID     string
	claims    claims
}

// looksLikeToken reports whether a text is meant to be a token, so that its refusal speaks of tokens and not of API keys.
func looksLikeToken(text string) bool {
	return strings.HasPrefix(text, "eyJ") && strings.Contains(text, ".")
}

var errMalformed = refuse(Malformed, "the token is damaged or no access token: present it whole, as the sign-in service gave it out")

// parse takes a JWS in compact form apart, more strictly than its standards ask: one spelling for each token, nothing
// given twice, and no header that would let the token say how it is to be verified.
func (i *issuer) parse(text string) (*token, *Refusal) {
	signed, signature, dots := cutLast(text)
	if dots != 2 {
		return nil, errMalformed // 5 parts are an encrypted token, which is not ours to read
	}
	header, payload, _ := strings.Cut(signed, ".")
	t := &token{signed: signed}
	var err error
	if t.signature, err = decodePart(signature); err != nil || len(t.signature) == 0 {
		// Without a signature it is one of the algorithm "none".
		return nil, errMalformed
	}
	if refusal := t.header(header); refusal != nil {
		return nil, refusal
	}
	body, err := decodePart(payload)
	if err != nil {
		return nil, errMalformed
	}
	members, err := members(body)
	if err != nil {
		return nil, errMalformed
	}
	if t.claims, err = readClaims(members, i.entra); err != nil {
		return nil, errMalformed
	}
	return t, nil
}

// cutLast cuts a token before its signature, and counts its dots.
func cutLast(text string) (before, after string, dots int) {
	at := strings.LastIndexByte(text, '.')
	if at < 0 {
		return "", "", 0
	}
	return text[:at], text[at+1:], strings.Count(text, ".")
}

// header reads the first part.
func (t *token) header(part string) *Refusal {
	text, err := decodePart(part)
	if err != nil {
		return errMalformed
	}
	header, err := members(text)
	if err != nil {
		return errMalformed
	}
	if algorithm, _ := stringOf(header["alg"]); algorithm != "RS256" {
		return refuse(Algorithm, "the token is not signed with RS256, the only algorithm accepted: let the sign-in service use it")
	}
	for _, name := range [...]string{"jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc"} {
		if _, given := header[name]; given {
			return refuse(Header, "the token's header has "+name+", which no access token for this gateway has")
		}
	}
	if _, given := header["typ"]; given {
		kind, err := stringOf(header["typ"])
		if err != nil || !slices.Contains([]string{"jwt", "at+jwt", "application/at+jwt"}, strings.ToLower(kind)) {
			return refuse(Header, "the token says in its header that it is no access token: present the access token")
		}
	}
	t.keyID, err = stringOf(header["kid"])
	if err != nil || t.keyID == "" || len(t.keyID) > maxKeyID || !printable(t.keyID) {
		return refuse(UnknownKey, "the token does not name the key that signed it: present one of the sign-in service that is configured here")
	}
	return nil
}

// maxKeyID bounds the name of a key. Entra's have 27 characters.
const maxKeyID = 256

var (
	strict    = base64.RawURLEncoding.Strict()
	errBroken = errors.New("broken")
)

// decodePart decodes base64url. The decoder would skip line ends, so that one token had many spellings.
func decodePart(part string) ([]byte, error) {
	if strings.ContainsAny(part, "\r\n") {
		return nil, errBroken
	}
	return strict.DecodeString(part)
}

// members reads a JSON object. A member that is given twice is an error: two readers could take different ones. Names are told
// apart by case, unlike in [json.Unmarshal].
func members(text []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(text) || !json.Valid(text) {
		return nil, errBroken
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if first, err := decoder.Token(); err != nil || first != json.Delim('{') {
		return nil, errBroken
	}
	found := map[string]json.RawMessage{}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, errBroken
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, errBroken
		}
		if _, twice := found[name.(string)]; twice {
			return nil, errBroken
		}
		found[name.(string)] = value
	}
	return found, nil
}

// stringOf reads a JSON string; one that is not given is empty.
func stringOf(value json.RawMessage) (string, error) {
	if value == nil {
		return "", nil
	}
	var s *string
	if json.Unmarshal(value, &s) != nil || s == nil {
		return "", errBroken
	}
	return *s, nil
}

// stringsOf reads a JSON array of strings; one that is not given is empty.
func stringsOf(value json.RawMessage) ([]string, error) {
	if value == nil {
		return nil, nil
	}
	var list []*string
	if json.Unmarshal(value, &list) != nil || list == nil {
		return nil, errBroken
	}
	all := make([]string, len(list))
	for i, s := range list {
		if s == nil {
			return nil, errBroken
		}
		all[i] = *s
	}
	return all, nil
}

// printable reports whether a text can stand in a log as it is.
func printable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == utf8.RuneError })
}
