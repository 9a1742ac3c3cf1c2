package sdk_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Who is in the house, by place among the tenant's users.
const (
	people  = 700
	allowed = 690 // of them, whom the policy shows; of these, the last is watched by nobody until asked for
	denied  = 695
	stray   = allowed - 1
	waiting = allowed - 2 // another one like it
)

// nobody is an id that the tenant does not have, and the policy shows.
const nobody = "00000000-0000-4000-8000-00000000dead"

const (
	apiKey = "pgw-test-key"
	apiID  = "6f6b1f0a-1111-4222-8333-444455556666"
)

// house is a tenant with its login, and a gateway before it: the program itself, over TLS.
type house struct {
	t         testing.TB
	graph     string // the tenant's origin
	gateway   string // the gateway's
	authority string
	tenantID  string
	ca        string // file with both authorities
	ids       []string
}

func newHouse(t testing.TB) *house {
	t.Helper()
	dir := t.TempDir()
	h := &house{t: t, ca: filepath.Join(dir, "ca.pem")}
	simCA := filepath.Join(dir, "sim.pem")
	tenant := run(t, "simulate", "--listen", "127.0.0.1:0", "--users", fmt.Sprint(people), "--tls", "--ca-file", simCA,
		"--client-id", "app", "--client-secret", "s3cret", "--api-id", apiID)
	signIn := tenant.line("Sign-in on")
	after := func(line, word string) string {
		_, rest, _ := strings.Cut(line, word)
		return strings.TrimRight(strings.Fields(rest)[0], ",")
	}
	h.graph = after(tenant.line("Simulated tenant"), " on ")
	h.authority, h.tenantID = after(signIn, "Sign-in on "), after(signIn, "tenant_id ")

	cert, key := certify(t, dir)
	both := append(read(t, simCA), read(t, cert)...)
	write(t, h.ca, string(both))
	// The SDKs are unchanged: they trust whom the machine trusts.
	t.Setenv("SSL_CERT_FILE", h.ca)
	t.Setenv("SSL_CERT_DIR", dir)

	var all struct{ Value []struct{ ID string } }
	h.ask("GET", h.graph+"/sim/users?top=1000000", "", &all)
	for _, p := range all.Value {
		h.ids = append(h.ids, p.ID)
	}
	sum := sha256.Sum256([]byte(apiKey))
	write(t, filepath.Join(dir, "keys"), "- {name: sdk, sha256: "+hex.EncodeToString(sum[:])+"}\n")
	write(t, filepath.Join(dir, "secret"), "s3cret")
	write(t, filepath.Join(dir, "users"), strings.Join(h.ids[:waiting], "\n")+"\n"+nobody+"\n")
	address := freePort(t)
	h.gateway = "https://" + address
	write(t, filepath.Join(dir, "config.yaml"), fmt.Sprintf(`listen: %s
admin_listen: ""
state_dir: %s
tls: {cert_file: %s, key_file: %s}
graph:
  base_url: %s
  interval: 1s
  credential: {kind: client_secret, tenant_id: %s, client_id: app, client_secret_file: %s, authority: %s, ca_file: %s}
watch: {users_file: %s, on_demand: true}
privacy: {fields: [outOfOffice, outOfOfficeMessage, statusMessage, workLocation]}
gateway:
  read_wait: 100ms
  auth: {api_keys_file: %s, jwt: {issuer: "%s/%s/v2.0", audience: %s, required_scope: Presence.Subscribe}}
  policy:
    - {who: {everyone: true}, allow: {users: [%s, %s]}}
`, address, filepath.Join(dir, "state"), cert, key, h.graph, h.tenantID, filepath.Join(dir, "secret"), h.authority, simCA,
		filepath.Join(dir, "users"), filepath.Join(dir, "keys"), h.authority, h.tenantID, apiID, strings.Join(h.ids[:allowed], ", "), nobody))
	run(t, "serve", "--config", filepath.Join(dir, "config.yaml"))
	// Ready once everyone was read, and Graph has left the id that nobody has out often enough.
	h.eventually("the tenant is read", func() bool {
		return h.status("/v1/presences/"+h.ids[waiting-1]) == http.StatusOK && h.status("/v1/presences/"+nobody) == http.StatusNotFound
	})
	return h
}

func (h *house) status(path string) int {
	r, err := http.NewRequestWithContext(h.t.Context(), "GET", h.gateway+path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+apiKey)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

// ask calls a switch of the simulation.
func (h *house) ask(method, url, body string, into any) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		h.t.Fatalf("%s %s: %s %v %s", method, url, response.Status, err, text)
	}
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			h.t.Fatalf("%s %s: %v in %s", method, url, err, text)
		}
	}
}

// token is a token of the simulated login.
func (h *house) token(wish string) string {
	h.t.Helper()
	var answer struct {
		Token       string `json:"token"`
		AccessToken string `json:"access_token"`
	}
	h.ask("POST", h.graph+"/sim/login/token", wish, &answer)
	if answer.AccessToken != "" {
		return answer.AccessToken
	}
	return answer.Token
}

func (h *house) eventually(what string, holds func() bool) {
	h.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(60 * time.Second); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			h.t.Fatalf("never: %s", what)
		}
	}
}

var binary string

// TestMain builds the program once.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "presence-gateway-sdk")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "presence-gateway")
	build := exec.Command("go", "build", "-o", binary, "./cmd/presence-gateway")
	build.Dir, build.Stderr = filepath.Join("..", ".."), os.Stderr
	code := 1
	if err := build.Run(); err == nil {
		code = m.Run()
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// process is one run of the program.
type process struct {
	t     testing.TB
	mu    sync.Mutex
	said  bytes.Buffer
	heard chan struct{}
}

// run starts the program, and kills it when the test ends.
func run(t testing.TB, arguments ...string) *process {
	t.Helper()
	p := &process{t: t, heard: make(chan struct{}, 1)}
	command := exec.Command(binary, arguments...)
	command.Env = []string{"HOME=" + t.TempDir()}
	command.Stdout, command.Stderr = p, p
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if t.Failed() {
			t.Logf("%v said:\n%.4000s", arguments, p.said.String())
		}
	})
	return p
}

// Write takes what the process says.
func (p *process) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case p.heard <- struct{}{}:
	default:
	}
	return p.said.Write(text)
}

// line returns the first line with text in it, once it is there.
func (p *process) line(text string) string {
	p.t.Helper()
	for deadline := time.After(30 * time.Second); ; {
		p.mu.Lock()
		lines := bufio.NewScanner(strings.NewReader(p.said.String()))
		p.mu.Unlock()
		for lines.Scan() {
			if strings.Contains(lines.Text(), text) {
				return lines.Text()
			}
		}
		select {
		case <-p.heard:
		case <-deadline:
			p.t.Fatalf("never said %q", text)
		}
	}
}

// certify writes a certificate for this machine that signs itself, and its key.
func certify(t testing.TB, dir string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "gateway"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write(t, keyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))
	write(t, certFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	return certFile, keyFile
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
