package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A file is one of the embedded files with its compressed forms, all ready to be sent.
type file struct {
	mediaType            string
	plain, zipped, small []byte // zipped is of gzip, small of brotli; nil: there is none
	tag                  string // of the plain form, without quotes
	public               bool   // pages of every origin may read it
}

// mediaTypes are fixed here, because package mime also reads the system's own lists.
var mediaTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
}

// newFile makes a file of its content and, where there are any, its gzip and brotli forms, made when the program was built.
func newFile(extension string, content, zipped, small []byte) *file {
	sum := sha256.Sum256(content)
	f := &file{mediaType: mediaTypes[extension], plain: content, zipped: zipped, small: small, tag: hex.EncodeToString(sum[:12])}
	if f.mediaType == "" {
		f.mediaType = "application/octet-stream"
	}
	return f
}

// serve sends the smallest form that the client accepts, or 304 when it has it. Each form has a tag of its own, as they are
// different bytes under one name.
func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.mediaType)
	h.Add("Vary", "Accept-Encoding")
	content, tag := f.plain, f.tag
	if coding, form := f.form(r.Header.Values("Accept-Encoding")); coding != "" {
		content, tag = form, f.tag+"-"+coding
		h.Set("Content-Encoding", coding)
		// ServeContent leaves the length out of encoded answers; here it is that of the bytes sent.
		h.Set("Content-Length", strconv.Itoa(len(content)))
	}
	h.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// form returns the smallest compressed form that is accepted and its coding; "" where that is the plain one. Who takes
// anything may be a program that knows no more than gzip: brotli is for those who name it.
func (f *file) form(accepted []string) (coding string, form []byte) {
	switch {
	case f.small != nil && codings(accepted)["br"] > 0:
		return "br", f.small
	case f.zipped != nil && AcceptsGzip(accepted):
		return "gzip", f.zipped
	}
	return "", nil
}

// AcceptsGzip reports whether the values of an Accept-Encoding header name gzip, and not with a quality of zero.
func AcceptsGzip(values []string) bool {
	qualities := codings(values)
	if quality, named := qualities["gzip"]; named {
		return quality > 0
	}
	return qualities["*"] > 0
}

// codings returns those that the values of an Accept-Encoding header name, with their qualities.
func codings(values []string) map[string]float64 {
	qualities := map[string]float64{}
	for _, v := range strings.Split(strings.Join(values, ","), ",") {
		coding, parameters, err := mime.ParseMediaType(strings.TrimSpace(v))
		if err != nil {
			continue
		}
		quality, err := strconv.ParseFloat(parameters["q"], 64)
		if err != nil {
			quality = 1
		}
		qualities[coding] = quality
	}
	return qualities
}
