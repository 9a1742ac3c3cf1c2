package config

import (
	"slices"
	"strings"
)

const credentialKey = "graph.credential"

var credentialKinds = []string{"client_secret", "client_certificate", "managed_identity", "workload_identity",
	"azure_default", "device_code", "token_file"}

// credentialUses are the keys that each kind looks at. What others are set to has no effect.
var credentialUses = map[string][]string{
	"client_secret":      {"tenant_id", "client_id", "client_secret_file", "client_secret", "authority"},
	"client_certificate": {"tenant_id", "client_id", "certificate_file", "certificate_password_file", "certificate_password", "authority"},
	"managed_identity":   {"client_id"},
	"workload_identity":  {"tenant_id", "client_id", "authority"},
	"azure_default":      {"tenant_id", "authority"},
	"device_code":        {"tenant_id", "client_id", "authority"},
	"token_file":         {"token_file", "token"},
}

func (v *validation) credential(c *Credential) {
	const key = credentialKey
	if !v.given(key + ".kind") {
		if v.credentialIsEmpty(c) {
			v.fail(key, "there is no credential: set tenant_id, client_id and client_secret_file, or another kind with what it needs")
			return
		}
		if c.TokenFile != "" || c.Token != "" {
			v.fail(key+".kind", "is missing: a token is given, so set kind: token_file")
			return
		}
	}
	if !v.oneOf(key+".kind", c.Kind, credentialKinds...) {
		return
	}
	switch c.Kind {
	case "client_secret":
		v.application(c)
		v.secret("client_secret_file", c.ClientSecretFile, "client_secret", c.ClientSecret, "name a file that holds the client secret's value")
	case "client_certificate":
		v.application(c)
		if c.CertificateFile == "" {
			v.fail(key+".certificate_file", "is missing: name a PEM or PFX file that holds the certificate and its private key")
		} else {
			v.readable(key+".certificate_file", c.CertificateFile)
		}
		if c.CertificatePasswordFile != "" && c.CertificatePassword == "" {
			v.readable(key+".certificate_password_file", c.CertificatePasswordFile)
		}
	case "device_code":
		v.application(c)
	case "token_file":
		v.secret("token_file", c.TokenFile, "token", c.Token, "name a file that holds an access token for Graph and is kept fresh")
	}
	if c.Authority != "" {
		v.url(key+".authority", c.Authority, "https")
	}
	if c.CAFile != "" {
		v.authorities(key+".ca_file", c.CAFile)
	}
	for _, k := range c.keys() {
		if k.value != "" && !slices.Contains(credentialUses[c.Kind], k.name) {
			v.notice("%s.%s has no effect: a credential of kind %s does not use it", key, k.name, c.Kind)
		}
	}
}

// application needs the two ids that name an app registration.
func (v *validation) application(c *Credential) {
	if c.TenantID == "" {
		v.fail(credentialKey+".tenant_id", "is missing: want the directory (tenant) id of the app registration's overview")
	}
	if c.ClientID == "" {
		v.fail(credentialKey+".client_id", "is missing: want the application (client) id of the app registration's overview")
	}
}

// secret needs a value from a file or from the environment, which wins over the configuration's file.
func (v *validation) secret(fileName, file, name string, value Secret, remedy string) {
	fileKey, key := credentialKey+"."+fileName, credentialKey+"."+name
	switch {
	case value != "" && file != "" && v.variables[fileKey] != "":
		v.fail(key, "two of them are given, the other by %s: keep one", v.variables[fileKey])
	case value != "":
		if strings.ContainsFunc(string(value), func(r rune) bool { return r <= ' ' || r > '~' }) {
			v.fail(key, "holds characters that no %s has: give it alone", strings.ReplaceAll(name, "_", " "))
		}
	case file == "":
		v.fail(fileKey, "is missing: %s, or set %s", remedy, variable(key))
	default:
		v.readable(fileKey, file)
	}
}

type credentialValue struct{ name, value string }

// keys are those of the mapping that some kinds use and others do not.
func (c *Credential) keys() []credentialValue {
	return []credentialValue{
		{"tenant_id", c.TenantID}, {"client_id", c.ClientID}, {"client_secret_file", c.ClientSecretFile},
		{"client_secret", string(c.ClientSecret)}, {"certificate_file", c.CertificateFile},
		{"certificate_password_file", c.CertificatePasswordFile}, {"certificate_password", string(c.CertificatePassword)},
		{"token_file", c.TokenFile}, {"token", string(c.Token)}, {"authority", c.Authority},
	}
}

func (v *validation) credentialIsEmpty(c *Credential) bool {
	return !slices.ContainsFunc(c.keys(), func(k credentialValue) bool { return k.value != "" })
}
