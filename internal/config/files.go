package config

import (
	"bufio"
	"crypto/tls"
	"os"
	"strings"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/internal/trust"
)

// ReadIDs reads a file of user ids: one a line, # begins a comment. The error is [Problems] if lines are wrong.
func ReadIDs(path string) ([]presence.ID, error) {
	ids, bad, err := readIDs(path)
	switch {
	case err != nil:
		return nil, err
	case len(bad) > 0:
		return nil, bad
	}
	return ids, nil
}

func readIDs(path string) (ids []presence.ID, bad Problems, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	const reported = 20 // a file that is no list at all has as many mistakes as lines
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		text = strings.TrimSpace(strings.TrimPrefix(text, "\ufeff"))
		if text == "" {
			continue
		}
		id, err := presence.ParseID(text)
		switch {
		case err == nil && !id.IsZero():
			ids = append(ids, id)
		case len(bad) == reported:
			return ids, append(bad, Problem{File: path, Line: n, Text: "and more lines are wrong"}), nil
		default:
			bad = append(bad, Problem{File: path, Line: n, Text: quote(text) + " is not a user id: want one GUID a line, and # before comments"})
		}
	}
	return ids, bad, lines.Err()
}

func (v *validation) authorities(key, path string) {
	if _, err := trust.Read(path); err != nil {
		v.fail(key, "%s cannot be used: %s", quote(path), reason(err))
	}
}

// certificate tries the pair as the listener will. The error of the pair names no content of the files.
func (v *validation) certificate(t TLS) {
	v.readable("tls.cert_file", t.CertFile)
	v.readable("tls.key_file", t.KeyFile)
	if v.failed("tls.cert_file") || v.failed("tls.key_file") {
		return
	}
	if _, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile); err != nil {
		v.fail("tls.cert_file", "the certificate and its key cannot be used: %s", strings.TrimPrefix(err.Error(), "tls: "))
	}
}
