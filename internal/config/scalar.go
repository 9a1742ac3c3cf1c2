package config

import (
	"fmt"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

var (
	durationType = reflect.TypeFor[time.Duration]()
	secretType   = reflect.TypeFor[Secret]()
	idType       = reflect.TypeFor[presence.ID]()
	prefixType   = reflect.TypeFor[netip.Prefix]()
)

// isScalar says whether a value of this type is written as one word.
func isScalar(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int:
		return true
	}
	return t == durationType || t == idType || t == prefixType
}

// wanted names what a value of this type looks like.
func wanted(t reflect.Type) string {
	switch t {
	case durationType:
		return "a duration such as 30s or 1m30s"
	case idType:
		return "a GUID such as fa8bf3dc-eca7-46b7-bad1-db199b62afc3"
	case prefixType:
		return "a network such as 10.0.0.0/8 (a single address ends in /32 or /128)"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	case reflect.Slice:
		return "a list such as [...]"
	case reflect.Struct:
		return "a mapping of keys and values"
	}
	return "a text"
}

// parseScalar reads text into v. The answer is the mistake, empty for none.
func parseScalar(text string, v reflect.Value) string {
	refuse := func() string { return fmt.Sprintf("%s is not %s", quote(text), wanted(v.Type())) }
	switch v.Type() {
	case durationType:
		d, err := time.ParseDuration(text)
		if err != nil {
			if _, err := strconv.Atoi(text); err == nil {
				return fmt.Sprintf("%s has no unit: write %ss for seconds", text, text)
			}
			return refuse()
		}
		v.SetInt(int64(d))
		return ""
	case idType:
		id, err := presence.ParseID(text)
		if err != nil {
			return refuse()
		}
		v.Set(reflect.ValueOf(id))
		return ""
	case prefixType:
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return refuse()
		}
		v.Set(reflect.ValueOf(prefix.Masked()))
		return ""
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return refuse()
		}
		v.SetBool(text == "true")
	case reflect.Int:
		n, err := strconv.Atoi(strings.ReplaceAll(text, "_", ""))
		if err != nil {
			return refuse()
		}
		v.SetInt(int64(n))
	}
	return ""
}

// quote shows what was written, cut where it is long.
func quote(text string) string {
	const most = 60
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return strconv.Quote(text)
}
