package credential

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/youmark/pkcs8"
	"software.sslmate.com/src/go-pkcs12"
)

// certificate is a key and what makes it known to Entra.
type certificate struct {
	chain []*x509.Certificate // the key's own first
	key   crypto.PrivateKey
}

// errPassword: the key is locked, and the password does not open it.
var errPassword = errors.New("the password does not open the private key")

// parseCertificate reads PEM or PFX (PKCS#12). azidentity's own parser knows neither encrypted PEM keys nor what openssl 3 and
// Windows write by default today, PFX with AES and SHA-256. No error holds any of the content.
func parseCertificate(content []byte, password string) (certificate, error) {
	var c certificate
	var err error
	if bytes.Contains(content, []byte("-----BEGIN ")) {
		c, err = parsePEM(content, password)
	} else {
		c, err = parsePFX(content, password)
	}
	if err != nil {
		return certificate{}, err
	}
	return c, c.check()
}

func parsePFX(content []byte, password string) (certificate, error) {
	key, leaf, others, err := pkcs12.DecodeChain(content, password)
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword), errors.Is(err, pkcs12.ErrDecryption):
		return certificate{}, errPassword
	case err != nil:
		return certificate{}, errors.New("it is neither PEM nor PFX with one certificate and its private key")
	}
	return certificate{append([]*x509.Certificate{leaf}, others...), key}, nil
}

func parsePEM(content []byte, password string) (certificate, error) {
	var c certificate
	for {
		var block *pem.Block
		if block, content = pem.Decode(content); block == nil {
			return c, nil
		}
		switch {
		case block.Type == "CERTIFICATE":
			parsed, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return c, errors.New("a certificate in it cannot be read")
			}
			c.chain = append(c.chain, parsed)
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			if c.key != nil {
				return c, errors.New("it holds several private keys")
			}
			key, err := parseKey(block, password)
			if err != nil {
				return c, err
			}
			c.key = key
		}
	}
}

func parseKey(block *pem.Block, password string) (crypto.PrivateKey, error) {
	var key any
	var err error
	switch {
	case block.Headers["DEK-Info"] != "":
		return nil, errors.New("its private key is encrypted in the old way of OpenSSL, which protects nothing: convert it with openssl pkcs8 -topk8, or to PFX")
	case block.Type == "ENCRYPTED PRIVATE KEY" && password == "":
		return nil, errPassword
	case block.Type == "ENCRYPTED PRIVATE KEY":
		if key, err = pkcs8.ParsePKCS8PrivateKey(block.Bytes, []byte(password)); err != nil {
			return nil, errPassword
		}
		return key, nil
	case block.Type == "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case block.Type == "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	if err != nil {
		return nil, errors.New("its private key cannot be read")
	}
	return key, nil
}

// check puts the key's own certificate first, and refuses what Entra would.
func (c *certificate) check() error {
	switch {
	case len(c.chain) == 0:
		return errors.New("it holds no certificate")
	case c.key == nil:
		return errors.New("it holds no private key")
	}
	key, ok := c.key.(*rsa.PrivateKey)
	if !ok {
		return errors.New("its key is no RSA key, and Entra accepts no other")
	}
	at := slices.IndexFunc(c.chain, func(x *x509.Certificate) bool { return key.PublicKey.Equal(x.PublicKey) })
	if at < 0 {
		return errors.New("the private key belongs to none of its certificates")
	}
	c.chain[0], c.chain[at] = c.chain[at], c.chain[0]
	return nil
}

// age refuses a certificate that has ended.
func (c *certificate) age(now time.Time) error {
	if end := c.chain[0].NotAfter; now.After(end) {
		return fmt.Errorf("it expired on %s UTC", end.UTC().Format(time.DateTime))
	}
	return nil
}
