package gateway

import (
	"bytes"
	"compress/flate"
)

// Messages shorter than this are sent as they are: little would be won.
const deflateFrom = 512

// reservedCompressed is RSV1 of a frame's first byte: its message is compressed (RFC 7692, section 6).
const reservedCompressed = 0x40

// deflater compresses messages, each for itself, so that a frame made for one connection is good for all others, and no
// connection needs memory of its own. It takes 1.2 MB from its first message on.
type deflater struct {
	w   *flate.Writer
	out bytes.Buffer
}

// deflate returns the payload of a compressed message. It is good until the next call.
func (d *deflater) deflate(message []byte) []byte {
	d.out.Reset()
	if d.w == nil {
		d.w, _ = flate.NewWriter(&d.out, flate.BestSpeed) // fails for levels alone that do not exist
	} else {
		d.w.Reset(&d.out)
	}
	_, _ = d.w.Write(message) // into memory
	_ = d.w.Flush()
	return bytes.TrimSuffix(d.out.Bytes(), []byte{0, 0, 0xff, 0xff}) // which the receiver puts there again
}

// appendDeflated appends a frame with the message compressed, or as it is where that is no longer.
func (d *deflater) appendDeflated(dst, message []byte) []byte {
	if len(message) >= deflateFrom {
		if packed := d.deflate(message); len(packed) < len(message) {
			return appendFrame(dst, opText|reservedCompressed, packed)
		}
	}
	return appendFrame(dst, opText, message)
}
