package graphsim

import (
	"compress/gzip"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// send writes an answer with whatever the connection suffers on the way.
func (t *Tenant) send(w http.ResponseWriter, c *call, a *answer) {
	f := &c.fate
	if f.reset {
		abort(w)
	}
	h := w.Header()
	for name, values := range a.header {
		h[name] = values
	}
	if c.requestID != "" {
		h.Set("request-id", c.requestID)
		h.Set("client-request-id", c.clientRequestID)
		h.Set("x-ms-ags-diagnostic", `{"ServerInfo":{"DataCenter":"Simulated","Slice":"E","Ring":"5","ScaleUnit":"001","RoleInstance":"graphsim"}}`)
		h.Set("Cache-Control", "no-cache")
	}
	if f.html != nil {
		page(w, f.html.Status)
		return
	}
	body := a.body
	if a.status == http.StatusOK {
		if f.malformed != nil {
			body = spoil(f.malformed.Form, body)
		}
		if f.oversize > int64(len(body)) {
			oversized(w, a.status, body, f.oversize)
			return
		}
	}
	if f.cut != nil {
		keep := f.cut.After
		if keep == 0 || keep >= len(body) {
			keep = len(body) / 2
		}
		h.Set("Content-Length", strconv.Itoa(max(len(body), 1)))
		w.WriteHeader(a.status)
		_, _ = w.Write(body[:keep])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler) // net/http closes the connection
	}
	if f.gzip && strings.Contains(c.header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		h.Set("Vary", "Accept-Encoding")
		w.WriteHeader(a.status)
		z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
		if err != nil {
			return // unreachable: the level exists
		}
		_, _ = z.Write(body)
		_ = z.Close()
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(body)
}

// abort ends the connection without an answer: on TCP with a reset.
func abort(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		raw := conn
		if tls, ok := conn.(interface{ NetConn() net.Conn }); ok {
			raw = tls.NetConn()
		}
		if tcp, ok := raw.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = raw.Close()
	}
	panic(http.ErrAbortHandler)
}

// page is what a proxy before Graph says when Graph does not.
func page(w http.ResponseWriter, status int) {
	const text = "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\"\"http://www.w3.org/TR/html4/strict.dtd\">\r\n" +
		"<HTML><HEAD><TITLE>Service Unavailable</TITLE></HEAD>\r\n<BODY><h2>Service Unavailable</h2>\r\n" +
		"<hr><p>HTTP Error 503. The service is unavailable.</p>\r\n</BODY></HTML>\r\n"
	h := w.Header()
	h.Set("Content-Type", htmlType)
	h.Del("OData-Version")
	h.Del("Retry-After")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}

// spoil makes a body into something that no reader can take.
func spoil(form string, body []byte) []byte {
	switch form {
	case "garbage":
		return []byte(`{"value":[{"id":"` + "}}{{,,")
	case "empty":
		return nil
	case "null":
		return []byte("null")
	case "types":
		return []byte(`{"value":{"id":17,"availability":["Busy"],"activity":{"is":"InACall"},"sequenceNumber":129311063}}`)
	case "utf8":
		bad := append([]byte(nil), body...)
		if i := strings.Index(string(bad), `"availability":"`); i >= 0 {
			bad[i+len(`"availability":"`)] = 0xff
		}
		return bad
	default:
		return body[:len(body)*2/3]
	}
}

// oversized writes the body with a member that is as long as it takes, without
// ever holding it.
func oversized(w http.ResponseWriter, status int, body []byte, size int64) {
	w.WriteHeader(status)
	if len(body) == 0 || body[0] != '{' {
		_, _ = w.Write(body)
		return
	}
	if _, err := w.Write([]byte(`{"padding":"`)); err != nil {
		return
	}
	chunk := []byte(strings.Repeat("presence", 8<<10))
	for left := size; left > 0; left -= int64(len(chunk)) {
		if left < int64(len(chunk)) {
			chunk = chunk[:left]
		}
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
	_, _ = w.Write([]byte(`",`))
	_, _ = w.Write(body[1:])
}
