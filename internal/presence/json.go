package presence

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// appendJSON appends the members of a presence, in Graph's names; what is absent is left out.
func (f Facts) appendJSON(dst []byte) []byte {
	dst = append(dst, `"availability":`...)
	dst = AppendString(dst, f.Availability)
	dst = append(dst, `,"activity":`...)
	dst = AppendString(dst, f.Activity)
	if f.OutOfOffice != Unset || f.OutOfOfficeMessage != "" {
		dst = append(dst, `,"outOfOfficeSettings":{`...)
		if f.OutOfOffice != Unset {
			dst = append(dst, `"isOutOfOffice":`...)
			dst = strconv.AppendBool(dst, f.OutOfOffice == True)
		}
		if f.OutOfOfficeMessage != "" {
			if f.OutOfOffice != Unset {
				dst = append(dst, ',')
			}
			dst = append(dst, `"message":`...)
			dst = AppendString(dst, f.OutOfOfficeMessage)
		}
		dst = append(dst, '}')
	}
	if f.StatusMessage != "" {
		dst = append(dst, `,"statusMessage":{"message":{"content":`...)
		dst = AppendString(dst, f.StatusMessage)
		dst = append(dst, `,"contentType":"text"}}`...)
	}
	if f.WorkLocation != (Place{}) {
		dst = append(dst, `,"workLocation":{"workLocationType":`...)
		dst = AppendString(dst, f.WorkLocation.Type)
		if f.WorkLocation.Source != "" {
			dst = append(dst, `,"source":`...)
			dst = AppendString(dst, f.WorkLocation.Source)
		}
		if f.WorkLocation.ID != "" {
			dst = append(dst, `,"placeId":`...)
			dst = AppendString(dst, f.WorkLocation.ID)
		}
		dst = append(dst, '}')
	}
	return dst
}

// TimeFormat is how every instant is written: RFC 3339 in UTC with milliseconds.
const TimeFormat = "2006-01-02T15:04:05.000Z07:00"

// AppendTime appends t in [TimeFormat], in quotes.
func AppendTime(dst []byte, t time.Time) []byte {
	dst = append(dst, '"')
	dst = t.UTC().AppendFormat(dst, TimeFormat)
	return append(dst, '"')
}

// AppendString appends s as a JSON string. Bytes that are no UTF-8 become U+FFFD. The characters that matter to
// HTML and to JavaScript source are escaped too, so that a frame pasted into a page stays text.
func AppendString(dst []byte, s string) []byte {
	const hexits = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&' {
				i++
				continue
			}
			dst = append(dst, s[start:i]...)
			switch c {
			case '"', '\\':
				dst = append(dst, '\\', c)
			case '\n':
				dst = append(dst, '\\', 'n')
			default:
				dst = append(dst, '\\', 'u', '0', '0', hexits[c>>4], hexits[c&15])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if (r == utf8.RuneError && size == 1) || r == '\u2028' || r == '\u2029' {
			dst = append(dst, s[start:i]...)
			dst = append(dst, '\\', 'u', hexits[r>>12&15], hexits[r>>8&15], hexits[r>>4&15], hexits[r&15])
			i += size
			start = i
			continue
		}
		i += size
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}
