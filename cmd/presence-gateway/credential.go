package main

import (
	"context"
	"errors"
	"strings"

	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/internal/config"
	"github.com/presence-gateway/presence-gateway/internal/trust"
	"github.com/presence-gateway/presence-gateway/poller/credential"
	"github.com/presence-gateway/presence-gateway/poller/graph"
)

// newCredential makes what the configuration names. It does nothing yet; one with a Run works while that does.
func newCredential(c *config.Config, trusted *trust.Authorities, log *zap.Logger) (graph.Credential, error) {
	named := &c.Graph.Credential
	if named.Kind == "token_file" {
		if named.Token != "" {
			return fixedToken{graph.Token{Value: string(named.Token)}}, nil
		}
		return graph.TokenFile(named.TokenFile, graph.TokenFileOptions{Log: log}), nil
	}
	return credential.New(credentialOptions(c, trusted, log))
}

// credentialOptions are those of every kind but token_file.
func credentialOptions(c *config.Config, trusted *trust.Authorities, log *zap.Logger) credential.Options {
	named := &c.Graph.Credential
	return credential.Options{
		Kind:                    credential.Kind(named.Kind),
		TenantID:                named.TenantID,
		ClientID:                named.ClientID,
		Cloud:                   c.Graph.Cloud,
		BaseURL:                 c.Graph.BaseURL,
		Authority:               named.Authority,
		Trust:                   trusted,
		ClientSecretFile:        named.ClientSecretFile,
		ClientSecret:            credential.Secret(named.ClientSecret),
		CertificateFile:         named.CertificateFile,
		CertificatePasswordFile: named.CertificatePasswordFile,
		CertificatePassword:     credential.Secret(named.CertificatePassword),
		Log:                     log,
	}
}

// trustedBy are the authorities that Graph and the login are judged by; nil: the system's.
func trustedBy(c *config.Config, log *zap.Logger) (*trust.Authorities, error) {
	if c.Graph.Credential.CAFile == "" {
		return nil, nil
	}
	return trust.Open(c.Graph.Credential.CAFile, log)
}

// judgeCredential lets the credential refuse what the configuration cannot know: a tenant that is none, hosts of
// different clouds, what a workload's environment lacks.
var judgeCredential = config.Judge{Part: "graph", Find: func(c *config.Config) config.Problems {
	_, err := newCredential(c, nil, zap.NewNop())
	if c.Graph.Credential.Kind == "token_file" {
		// A token from elsewhere goes to the host of one cloud, too. Any kind tells which hosts belong together.
		_, err = credential.New(credential.Options{Kind: credential.AzureDefault, Cloud: c.Graph.Cloud, BaseURL: c.Graph.BaseURL, Authority: c.Graph.Credential.Authority})
	}
	var refused *credential.Error
	if !errors.As(err, &refused) {
		return nil
	}
	key, text := refused.Where, refused.Text
	if !strings.HasPrefix(key, "graph.") {
		key, text = "graph.credential", key+": "+text
	}
	return config.Problems{{Key: key, Text: text + ": " + refused.Remedy}}
}}

// fixedToken came from the environment, so that it never changes.
type fixedToken struct{ token graph.Token }

func (f fixedToken) Token(context.Context) (graph.Token, error) { return f.token, nil }
