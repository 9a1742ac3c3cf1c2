package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A file is one of the embedded files with its compressed form, both ready to be sent.
type file struct {
	mediaType     string
	plain, zipped []byte
	tag           string // of the plain form, without quotes
}

// mediaTypes are fixed here, because package mime also reads the system's own lists.
var mediaTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
}

func newFile(extension string, content []byte) *file {
	sum := sha256.Sum256(content)
	f := &file{mediaType: mediaTypes[extension], plain: content, tag: hex.EncodeToString(sum[:12])}
	if f.mediaType == "" {
		f.mediaType = "application/octet-stream"
	}
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	_, _ = z.Write(content) // a buffer does not fail
	_ = z.Close()
	if b.Len() < len(content) {
		f.zipped = b.Bytes()
	}
	return f
}

// serve sends the form the client accepts, or 304 when it has it. Both forms have tags of their own, as they are
// different bytes under one name.
func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.mediaType)
	h.Add("Vary", "Accept-Encoding")
	content, tag := f.plain, f.tag
	if f.zipped != nil && AcceptsGzip(r.Header.Values("Accept-Encoding")) {
		content, tag = f.zipped, f.tag+"-gzip"
		h.Set("Content-Encoding", "gzip")
		// ServeContent leaves the length out of encoded answers; here it is that of the bytes sent.
		h.Set("Content-Length", strconv.Itoa(len(content)))
	}
	h.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// AcceptsGzip reports whether the values of an Accept-Encoding header name gzip, and not with a quality of zero.
func AcceptsGzip(values []string) bool {
	wild := false
	for _, v := range strings.Split(strings.Join(values, ","), ",") {
		coding, parameters, err := mime.ParseMediaType(strings.TrimSpace(v))
		if err != nil {
			continue
		}
		quality, err := strconv.ParseFloat(parameters["q"], 64)
		accepted := err != nil || quality > 0
		switch coding {
		case "gzip":
			return accepted
		case "*":
			wild = accepted
		}
	}
	return wild
}
