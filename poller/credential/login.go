package credential

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azcloud "github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// login is azidentity's credential, made from one content of the files.
type login struct {
	credential  azcore.TokenCredential
	secrets     []Secret  // that no text may hold
	certificate time.Time // its end; zero: there is none
	used        bool      // gave a token before
}

// newLogin makes the credential of a kind. Nothing is sent by it.
func (e *Entra) newLogin() (*login, error) {
	o, options := &e.o, e.client()
	own := e.audience.own
	l := &login{}
	var err error
	switch o.Kind {
	case ClientSecret:
		secret := o.ClientSecret
		if f := e.fileOf(keySecret); f != nil {
			secret = Secret(bytes.TrimSpace(f.content))
		}
		if strings.ContainsAny(string(secret), " \t\r\n") {
			return nil, invalid(SecretInvalid, e.where(keySecret), "it holds more than one word", "put the client secret's value there, alone")
		}
		l.secrets = []Secret{secret}
		l.credential, err = azidentity.NewClientSecretCredential(o.TenantID, o.ClientID, string(secret), &azidentity.ClientSecretCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: own})
	case ClientCertificate:
		c, failure := e.certificate()
		if failure != nil {
			return nil, failure
		}
		l.certificate = c.chain[0].NotAfter
		l.credential, err = azidentity.NewClientCertificateCredential(o.TenantID, o.ClientID, c.chain, c.key, &azidentity.ClientCertificateCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: own})
	case WorkloadIdentity:
		// azidentity's own kind keeps the file's content for ten minutes. Ours is read when it changes.
		assertion := string(bytes.TrimSpace(e.fileOf(keyFederated).content))
		l.secrets = []Secret{Secret(assertion)}
		give := func(context.Context) (string, error) { return assertion, nil }
		l.credential, err = azidentity.NewClientAssertionCredential(o.TenantID, o.ClientID, give, &azidentity.ClientAssertionCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: own})
	case ManagedIdentity:
		m := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: options}
		if o.ClientID != "" {
			m.ID = azidentity.ClientID(o.ClientID)
		}
		l.credential, err = azidentity.NewManagedIdentityCredential(m)
	case AzureDefault:
		l.secrets = []Secret{Secret(os.Getenv("AZURE_CLIENT_SECRET")), Secret(os.Getenv("AZURE_CLIENT_CERTIFICATE_PASSWORD"))}
		l.credential, err = azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: own, TenantID: o.TenantID})
	case DeviceCode:
		l.credential, err = azidentity.NewDeviceCodeCredential(&azidentity.DeviceCodeCredentialOptions{
			ClientOptions: options, DisableInstanceDiscovery: own, TenantID: o.TenantID, ClientID: o.ClientID,
			DisableAutomaticAuthentication: true, UserPrompt: e.prompt,
		})
	}
	if err != nil {
		return nil, &Error{Kind: Misconfigured, Where: keyKind + " " + string(o.Kind), Text: conceal(err.Error(), 256, l.secrets...)}
	}
	return l, nil
}

// certificate reads the certificate from the files' content.
func (e *Entra) certificate() (certificate, error) {
	password := string(e.o.CertificatePassword)
	if f := e.fileOf(keyPassword); f != nil {
		password = strings.TrimRight(string(f.content), "\r\n")
	}
	c, err := parseCertificate(e.fileOf(keyCertificate).content, password)
	switch {
	case errors.Is(err, errPassword) && password == "":
		return c, &Error{Kind: CertificateInvalid, Where: e.where(keyCertificate), Text: "its private key is encrypted", Remedy: "name the file of its password with " + keyPassword}
	case errors.Is(err, errPassword):
		return c, &Error{Kind: CertificateInvalid, Where: e.where(keyPassword), Text: "it does not open the private key of " + e.where(keyCertificate), Remedy: "let both files come from one export"}
	case err != nil:
		return c, &Error{Kind: CertificateInvalid, Where: e.where(keyCertificate), Text: err.Error(), Remedy: "want a PEM or PFX file with the certificate and its RSA private key"}
	}
	if err := c.age(time.Now()); err != nil {
		return c, &Error{Kind: CertificateExpired, Where: e.where(keyCertificate), Text: err.Error(), Remedy: "make another one, register it with the application, and put it there"}
	}
	return c, nil
}

// client is how azidentity reaches the network.
func (e *Entra) client() azcore.ClientOptions {
	return azcore.ClientOptions{
		Cloud: azcloud.Configuration{ActiveDirectoryAuthorityHost: e.audience.authority},
		Retry: policy.RetryOptions{MaxRetries: -1}, // when to try again is ours to say
		Transport: &http.Client{
			Transport: e.transport,
			// A 307 would carry the secret on to wherever it points.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		Telemetry:       policy.TelemetryOptions{ApplicationID: "presence-gateway"},
		PerCallPolicies: []policy.Policy{&witness{e.audience, e.o.Kind}},
	}
}

func newTransport(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:                  proxy,
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    5 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		// A sign-in is two requests an hour: a connection kept meanwhile would only be a dead one by then.
		DisableKeepAlives: true,
	}
}

// proxy is the environment's, but for the metadata service of the machine itself.
func proxy(r *http.Request) (*url.URL, error) {
	if ip := net.ParseIP(r.URL.Hostname()); ip != nil && (ip.IsLinkLocalUnicast() || ip.IsLoopback()) {
		return nil, nil
	}
	return http.ProxyFromEnvironment(r)
}
