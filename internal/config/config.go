package config

import (
	"net/netip"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Config is the whole tree. The tags are the keys of the file; the environment's names follow from them.
type Config struct {
	Listen         string         `yaml:"listen"`
	PublicURL      string         `yaml:"public_url"`
	TrustedProxies []netip.Prefix `yaml:"trusted_proxies"`
	TLS            TLS            `yaml:"tls"`
	AdminListen    string         `yaml:"admin_listen"`
	Log            Log            `yaml:"log"`
	StateDir       string         `yaml:"state_dir"`

	Graph   Graph   `yaml:"graph"`
	Watch   Watch   `yaml:"watch"`
	Hub     Hub     `yaml:"hub"`
	Privacy Privacy `yaml:"privacy"`
	Gateway Gateway `yaml:"gateway"`
}

// TLS names the certificate of the listener; both files or neither.
type TLS struct {
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
}

// Log says what is logged, and how it looks.
type Log struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"`
}

// Graph is where presences are read, as whom, and how often.
type Graph struct {
	Cloud              string        `yaml:"cloud"`
	BaseURL            string        `yaml:"base_url"`
	Credential         Credential    `yaml:"credential"`
	Read               string        `yaml:"read"`
	Budget             Budget        `yaml:"budget"`
	Interval           time.Duration `yaml:"interval"`
	Timeout            time.Duration `yaml:"timeout"`
	SequenceResetAfter time.Duration `yaml:"sequence_reset_after"`
}

// Credential is how the gateway proves to Graph who it is. A [Secret] comes from the environment only; it stands
// in for the file beside it.
type Credential struct {
	Kind                    string `yaml:"kind"`
	TenantID                string `yaml:"tenant_id"`
	ClientID                string `yaml:"client_id"`
	ClientSecretFile        string `yaml:"client_secret_file"`
	ClientSecret            Secret `yaml:"client_secret"`
	CertificateFile         string `yaml:"certificate_file"`
	CertificatePasswordFile string `yaml:"certificate_password_file"`
	CertificatePassword     Secret `yaml:"certificate_password"`
	TokenFile               string `yaml:"token_file"`
	Token                   Secret `yaml:"token"`
	Authority               string `yaml:"authority"`
	CAFile                  string `yaml:"ca_file"`
}

// Budget is how many presence reads may leave in any interval of the window.
type Budget struct {
	Requests int           `yaml:"requests"`
	Window   time.Duration `yaml:"window"`
}

// Watch is who is read.
type Watch struct {
	Users                 []presence.ID `yaml:"users"`
	UsersFile             string        `yaml:"users_file"`
	Groups                []presence.ID `yaml:"groups"`
	GroupsRefreshInterval time.Duration `yaml:"groups_refresh_interval"`
	OnDemand              bool          `yaml:"on_demand"`
	Linger                time.Duration `yaml:"linger"`
	Directory             bool          `yaml:"directory"`
	MaxUsers              int           `yaml:"max_users"`
}

// Hub is where states are kept.
type Hub struct {
	Kind  string `yaml:"kind"`
	Redis Redis  `yaml:"redis"`
}

// Redis is the server that several processes share.
type Redis struct {
	Addrs        []string `yaml:"addrs"`
	MasterName   string   `yaml:"master_name"`
	Username     string   `yaml:"username"`
	PasswordFile string   `yaml:"password_file"`
	Password     Secret   `yaml:"password"`
	TLS          bool     `yaml:"tls"`
	CAFile       string   `yaml:"ca_file"`
	Prefix       string   `yaml:"prefix"`
}

// Privacy is what may be known of a user at all.
type Privacy struct {
	Fields            []string `yaml:"fields"`
	OptedOutUsersFile string   `yaml:"opted_out_users_file"`
}

// Gateway is the side that clients see.
type Gateway struct {
	Origins      []string      `yaml:"origins"`
	Auth         Auth          `yaml:"auth"`
	Policy       []Rule        `yaml:"policy"`
	AuditFile    string        `yaml:"audit_file"`
	Limits       Limits        `yaml:"limits"`
	Flush        time.Duration `yaml:"flush"`
	Heartbeat    time.Duration `yaml:"heartbeat"`
	Stall        time.Duration `yaml:"stall"`
	ReadWait     time.Duration `yaml:"read_wait"`
	FacadeMaxAge time.Duration `yaml:"facade_max_age"`
	Compression  bool          `yaml:"compression"`
	Drain        time.Duration `yaml:"drain"`
	DrainDelay   time.Duration `yaml:"drain_delay"`
}

// Auth is who may come in.
type Auth struct {
	Anonymous    bool   `yaml:"anonymous"`
	APIKeysFile  string `yaml:"api_keys_file"`
	JWT          JWT    `yaml:"jwt"`
	Login        Login  `yaml:"login"`
	OperatorRole string `yaml:"operator_role"`
}

// JWT says which tokens are accepted.
type JWT struct {
	Issuer        string   `yaml:"issuer"`
	Audience      string   `yaml:"audience"`
	JWKSURL       string   `yaml:"jwks_url"`
	TenantIDs     []string `yaml:"tenant_ids"`
	RequiredRole  string   `yaml:"required_role"`
	RequiredScope string   `yaml:"required_scope"`
}

// Login is how the gateway's own pages sign people in.
type Login struct {
	ClientID string `yaml:"client_id"`
	Scope    string `yaml:"scope"`
}

// Limits bound what one client, and all of them, may take.
type Limits struct {
	Connections            int `yaml:"connections"`
	UsersPerConnection     int `yaml:"users_per_connection"`
	ConnectionsPerSubject  int `yaml:"connections_per_subject"`
	MessageBytes           int `yaml:"message_bytes"`
	MessagesPerSecond      int `yaml:"messages_per_second"`
	UnknownUsersPerSubject int `yaml:"unknown_users_per_subject"`
}

// Default returns the configuration of an empty file.
func Default() *Config {
	return &Config{
		Listen:      "127.0.0.1:8080",
		AdminListen: "127.0.0.1:9090",
		Log:         Log{Level: "info", Format: "json"},
		Graph: Graph{
			Cloud:              "global",
			Credential:         Credential{Kind: "client_secret"},
			Read:               "batch",
			Budget:             Budget{Requests: 1500, Window: 30 * time.Second},
			Interval:           5 * time.Second,
			Timeout:            10 * time.Second,
			SequenceResetAfter: 30 * time.Second,
		},
		Watch: Watch{
			GroupsRefreshInterval: 10 * time.Minute,
			Linger:                60 * time.Second,
			MaxUsers:              1_000_000,
		},
		Hub:     Hub{Kind: "memory", Redis: Redis{Addrs: []string{"127.0.0.1:6379"}, Prefix: "presence"}},
		Privacy: Privacy{Fields: []string{"outOfOffice"}},
		Gateway: Gateway{
			Limits: Limits{
				Connections:            100_000,
				UsersPerConnection:     10_000,
				ConnectionsPerSubject:  50,
				MessageBytes:           1 << 20,
				MessagesPerSecond:      20,
				UnknownUsersPerSubject: 100,
			},
			Flush:        25 * time.Millisecond,
			Heartbeat:    10 * time.Second,
			Stall:        20 * time.Second,
			ReadWait:     2 * time.Second,
			FacadeMaxAge: 60 * time.Second,
			Drain:        20 * time.Second,
			DrainDelay:   3 * time.Second,
		},
	}
}

// Set is the set that privacy.fields names. It is empty for names that [Load] would have refused.
func (p Privacy) Set() presence.Fields {
	set, _ := presence.ParseFields(p.Fields)
	return set
}
