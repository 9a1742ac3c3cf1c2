package credential

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/trust"
	"go.uber.org/zap"
)

// Kind is a way to prove who one is, by its name in the configuration.
type Kind string

// The kinds.
const (
	ClientSecret      Kind = "client_secret"
	ClientCertificate Kind = "client_certificate"
	ManagedIdentity   Kind = "managed_identity"
	WorkloadIdentity  Kind = "workload_identity"
	AzureDefault      Kind = "azure_default"
	DeviceCode        Kind = "device_code" // delegated: a person signs in
)

// Kinds are all there are.
var Kinds = []Kind{ClientSecret, ClientCertificate, ManagedIdentity, WorkloadIdentity, AzureDefault, DeviceCode}

// The keys of the configuration, as errors name them.
const (
	keyCloud       = "graph.cloud"
	keyBaseURL     = "graph.base_url"
	keyKind        = "graph.credential.kind"
	keyTenant      = "graph.credential.tenant_id"
	keyClient      = "graph.credential.client_id"
	keySecret      = "graph.credential.client_secret_file"
	keyCertificate = "graph.credential.certificate_file"
	keyPassword    = "graph.credential.certificate_password_file"
	keyAuthority   = "graph.credential.authority"
	keyCA          = "graph.credential.ca_file"
	keyScope       = "scope"
	keyFederated   = "AZURE_FEDERATED_TOKEN_FILE"
)

// SignIn is what a person needs who finishes a sign-in by device code.
type SignIn struct {
	URL, Code string
}

// Options of an [Entra].
type Options struct {
	Kind     Kind
	TenantID string // id or a domain of the tenant; workload_identity: default AZURE_TENANT_ID
	ClientID string // managed_identity: of a user-assigned one; workload_identity: default AZURE_CLIENT_ID

	Cloud   string // global (default), us-gov-l4, us-gov-l5
	BaseURL string // of Graph, where it is not the cloud's own; the scope stays the cloud's
	Scope   string // instead of the cloud's Graph and /.default

	Authority string             // instead of the cloud's login: https://host
	Trust     *trust.Authorities // that the login endpoint's certificate is judged by; nil: the system's

	ClientSecretFile        string
	ClientSecret            Secret // instead of the file
	CertificateFile         string // PEM or PFX, with its private key
	CertificatePasswordFile string
	CertificatePassword     Secret // instead of the file
	FederatedTokenFile      string // workload_identity: default AZURE_FEDERATED_TOKEN_FILE

	// Prompt is told where a person must sign in, for device_code. It is called from another goroutine and should not
	// block. The log says the same at info.
	Prompt  func(SignIn)
	Timeout time.Duration // of one attempt to sign in, the wait for a person left out; default 15 s
	Log     *zap.Logger   // nil: none
}

// complete fills in what was left out, and refuses what cannot be.
func (o *Options) complete() error {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	o.Timeout = cmp.Or(o.Timeout, 15*time.Second)
	if !slices.Contains(Kinds, o.Kind) {
		return invalid(Misconfigured, keyKind, fmt.Sprintf("%.40q is unknown", string(o.Kind)), "want one of client_secret, client_certificate, managed_identity, workload_identity, azure_default, device_code, token_file")
	}
	if o.Kind == WorkloadIdentity {
		o.TenantID = cmp.Or(o.TenantID, os.Getenv("AZURE_TENANT_ID"))
		o.ClientID = cmp.Or(o.ClientID, os.Getenv("AZURE_CLIENT_ID"))
		o.FederatedTokenFile = cmp.Or(o.FederatedTokenFile, os.Getenv("AZURE_FEDERATED_TOKEN_FILE"))
	}
	switch o.Kind {
	case ClientSecret, ClientCertificate, WorkloadIdentity, DeviceCode:
		if err := tenant(o.TenantID); err != nil {
			return err
		}
		if o.ClientID == "" {
			return invalid(Misconfigured, keyClient, "it is missing", "name the application (client) id of the app registration")
		}
	}
	switch {
	case o.Kind == ClientSecret && o.ClientSecret == "" && o.ClientSecretFile == "":
		return invalid(Misconfigured, keySecret, "it is missing", "name a file that holds the client secret's value, or set PRESENCE_GRAPH_CREDENTIAL_CLIENT_SECRET")
	case o.Kind == ClientCertificate && o.CertificateFile == "":
		return invalid(Misconfigured, keyCertificate, "it is missing", "name a PEM or PFX file that holds the certificate and its private key")
	case o.Kind == WorkloadIdentity && o.FederatedTokenFile == "":
		return invalid(Misconfigured, keyFederated, "the environment does not name the workload's token", "label the pod azure.workload.identity/use: \"true\" and annotate its service account, or set the variable")
	}
	return nil
}

// tenant refuses what is no name of one tenant.
func tenant(name string) error {
	switch strings.ToLower(name) {
	case "":
		return invalid(Misconfigured, keyTenant, "it is missing", "name the directory (tenant) id")
	case "common", "organizations", "consumers", "adfs":
		return invalid(Misconfigured, keyTenant, fmt.Sprintf("%q is no tenant", name), "name the directory (tenant) id: one deployment serves one tenant")
	}
	if strings.ContainsFunc(name, func(r rune) bool {
		return r != '.' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) {
		return invalid(Misconfigured, keyTenant, fmt.Sprintf("%.64q is no tenant", name), "name the directory (tenant) id, a GUID, or one of the tenant's domains")
	}
	return nil
}
