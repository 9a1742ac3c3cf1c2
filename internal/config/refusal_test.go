package config_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/presence-gateway/presence-gateway/internal/config"
)

// Each row is a mistake laid over a valid configuration, and what its one line must say.
func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.txt")
	write(t, bad, "not a thing that any key wants\n")
	const user = "fa8bf3dc-eca7-46b7-bad1-db199b62afc3"

	rows := []struct{ name, text, want string }{
		{"unknown key", "liste: 127.0.0.1:1", "c.yaml:10: liste: unknown key; did you mean listen?"},
		{"unknown key, nothing near", "zebra: 1", "c.yaml:10: zebra: unknown key; known here: listen, public_url,"},
		{"hyphen for underscore", "admin-listen: 127.0.0.1:1", "did you mean admin_listen?"},
		{"unknown key deep", "hub: {redis: {prefx: a}}", "c.yaml:10: hub.redis.prefx: unknown key; did you mean prefix?"},
		{"given twice", "log: {level: info, level: debug}", "c.yaml:10: log.level: is given twice: first in line 10"},
		{"number for text", "listen: 8080", "c.yaml:10: listen: is a number: want a text"},
		{"no port", "listen: localhost", `listen: "localhost" is no address`},
		{"port too large", "listen: 127.0.0.1:65536", `listen: port "65536" is impossible`},
		{"same listeners", "admin_listen: 127.0.0.1:8080", "admin_listen: is the same address as listen"},
		{"text for mapping", "log: loud", "log: is a text: want a mapping of keys and values"},
		{"list for mapping", "log: [info]", "log: is a list: want a mapping"},
		{"text for list", "trusted_proxies: 10.0.0.0/8", "trusted_proxies: is a text: want a list"},
		{"not a network", "trusted_proxies:\n  - 10.0.0.0/8\n  - 10.0.0.1", `c.yaml:12: trusted_proxies[1]: "10.0.0.1" is not a network`},
		{"no value", "listen:", "listen: has no value"},
		{"tag", "listen: !!str 127.0.0.1:1", "listen: has a tag"},
		{"alias of nothing", "listen: *nowhere", "listen: *nowhere names no anchor above it"},
		{"unknown level", "log: {level: warning}", `log.level: "warning" is unknown: want debug, info, warn or error`},
		{"unknown format", "log: {format: jsn}", "did you mean json?"},
		{"public_url not a URL", "public_url: presence.example.com", "public_url: is no URL"},
		{"public_url with a query", "public_url: https://a.example/?x=1", "public_url: has a query"},
		{"public_url with a password", "public_url: https://me:hunter2@a.example", "public_url: holds a user name or password"},
		{"public_url of another scheme", "public_url: ftp://a.example", `public_url: "ftp" is no scheme for this: want http or https`},
		{"certificate without key", "tls: {cert_file: " + bad + "}", "tls.key_file: is missing"},
		{"key without certificate", "tls: {key_file: " + bad + "}", "tls.cert_file: is missing"},
		{"certificate that is none", "tls: {cert_file: " + bad + ", key_file: " + bad + "}", "tls.cert_file: the certificate and its key cannot be used"},

		{"china", "graph.cloud: china", "graph.cloud: china cannot work: Microsoft Graph operated by 21Vianet offers no presence"},
		{"unknown cloud", "graph.cloud: us-gov-l3", "did you mean us-gov-l4?"},
		{"http beyond loopback", "graph.base_url: http://graph.example.com", "graph.base_url: a token must not travel over http"},
		{"http to a name like loopback", "graph.base_url: http://localhost.example.com", "graph.base_url: a token must not travel over http"},
		{"base_url with version", "graph.base_url: https://graph.example.com/v1.0", "graph.base_url: ends in /v1.0, which the gateway adds itself"},
		{"unknown read", "graph.read: batsh", `graph.read: "batsh" is unknown: want batch, users, communications or me; did you mean batch?`},
		{"window 0", "graph.budget: {window: 0s}", "graph.budget.window: is 0, and no number of reads fits into no time"},
		{"window below 0", "graph.budget: {window: -30s}", "graph.budget.window: is -30s, and time does not run backwards"},
		{"window without unit", "graph.budget: {window: 30}", "graph.budget.window: 30 has no unit: write 30s for seconds"},
		{"window no duration", "graph.budget: {window: half}", `graph.budget.window: "half" is not a duration such as 30s`},
		{"budget too small", "graph.budget: {requests: 1}", "graph.budget.requests: is 1, which is too small"},
		{"budget not whole", "graph.budget: {requests: 1.5}", "graph.budget.requests: is a number: want a whole number"},
		{"interval 0", "graph.interval: 0", "graph.interval: is 0s: want 10ms or more"},
		{"timeout below 0", "graph.timeout: -1s", "graph.timeout: is -1s"},
		{"reset 0", "graph.sequence_reset_after: 0s", "graph.sequence_reset_after: is 0s"},
		{"unknown credential", "graph.credential: {kind: token}", `graph.credential.kind: "token" is unknown`},
		{"no credential", "graph.credential: {ca_file: \"\"}", "graph.credential: there is no credential: set tenant_id, client_id and client_secret_file, or another kind"},
		{"no kind, but a token", "graph.credential: {token_file: " + bad + "}", "graph.credential.kind: is missing: a token is given, so set kind: token_file"},
		{"no tenant", "graph.credential: {client_id: x, client_secret_file: " + bad + "}", "graph.credential.tenant_id: is missing: want the directory (tenant) id"},
		{"no application", "graph.credential: {kind: device_code, tenant_id: x}", "graph.credential.client_id: is missing: want the application (client) id"},
		{"no secret", "graph.credential: {tenant_id: x, client_id: y}", "graph.credential.client_secret_file: is missing: name a file that holds the client secret's value, or set PRESENCE_GRAPH_CREDENTIAL_CLIENT_SECRET"},
		{"secret file that is not there", "graph.credential: {tenant_id: x, client_id: y, client_secret_file: /nowhere/s}", `graph.credential.client_secret_file: "/nowhere/s" cannot be read: no such file`},
		{"no certificate", "graph.credential: {kind: client_certificate, tenant_id: x, client_id: y}", "graph.credential.certificate_file: is missing: name a PEM or PFX file"},
		{"certificate that is not there", "graph.credential: {kind: client_certificate, tenant_id: x, client_id: y, certificate_file: /nowhere/c}", `graph.credential.certificate_file: "/nowhere/c" cannot be read`},
		{"password that is not there", "graph.credential: {kind: client_certificate, tenant_id: x, client_id: y, certificate_file: " + bad + ", certificate_password_file: /nowhere/p}", `graph.credential.certificate_password_file: "/nowhere/p" cannot be read`},
		{"authority of a secret over http", "graph.credential: {tenant_id: x, client_id: y, client_secret_file: " + bad + ", authority: \"http://login.example\"}", `graph.credential.authority: "http" is no scheme for this: want https`},
		{"no token file", "graph.credential: {kind: token_file}", "graph.credential.token_file: is missing: name a file that holds an access token for Graph and is kept fresh, or set PRESENCE_GRAPH_CREDENTIAL_TOKEN"},
		{"token file that is not there", "graph.credential: {kind: token_file, token_file: /nowhere/token}", `graph.credential.token_file: "/nowhere/token" cannot be read: no such file or directory`},
		{"token file that is a folder", "graph.credential: {kind: token_file, token_file: " + dir + "}", "is a folder: want a file"},
		{"secret inline", "graph.credential: {kind: token_file, token_file: " + bad + ", client_secret: hunter2}", "graph.credential.client_secret: a secret is never written into the configuration: name a file that holds it with client_secret_file, or set PRESENCE_GRAPH_CREDENTIAL_CLIENT_SECRET"},
		{"authority over http", "graph.credential: {kind: token_file, token_file: " + bad + ", authority: http://127.0.0.1}", `graph.credential.authority: "http" is no scheme for this: want https`},
		{"authorities that are none", "graph.credential: {kind: token_file, token_file: " + bad + ", ca_file: " + bad + "}", "graph.credential.ca_file: "},

		{"user that is no GUID", "watch.users: [anna@example.com]", `c.yaml:4: watch.users[0]: "anna@example.com" is not a GUID`},
		{"user that is nobody", "watch.users: [" + user + ", 00000000-0000-0000-0000-000000000000]", "watch.users[1]: 00000000-0000-0000-0000-000000000000 names nobody"},
		{"group that is no GUID", "watch.groups: [team]", `watch.groups[0]: "team" is not a GUID`},
		{"users file that is none", "watch.users_file: " + bad, bad + `:1: "not a thing that any key wants" is not a user id`},
		{"users file that is not there", "watch.users_file: /nowhere/users", "watch.users_file: \"/nowhere/users\" cannot be read"},
		{"on_demand yes", "watch.on_demand: yes", "watch.on_demand: is a text: want true or false"},
		{"linger below 0", "watch.linger: -1s", "watch.linger: is -1s"},
		{"refresh 0", "watch.groups_refresh_interval: 0s", "watch.groups_refresh_interval: is 0s"},
		{"max_users 0", "watch.max_users: 0", "watch.max_users: is 0: want 1 or more"},
		{"more than max_users", "watch: {users: [" + user + ", " + user + "], max_users: 1}", "watch.max_users: is 1, but watch.users and watch.users_file name 2"},

		{"redis nowhere", "hub: {kind: redis, redis: {addrs: []}}", "hub.redis.addrs: is empty"},
		{"redis by URL", "hub: {kind: redis, redis: {addrs: ['redis://me:hunter2@a:6379']}}", "hub.redis.addrs[0]: is a URL: want host:port"},
		{"redis without a host", "hub: {kind: redis, redis: {addrs: [':6379']}}", "hub.redis.addrs[0]: \":6379\" names no host"},
		{"redis without a port", "hub: {kind: redis, redis: {addrs: [redis]}}", "hub.redis.addrs[0]: \"redis\" is no address"},
		{"redis at port 0", "hub: {kind: redis, redis: {addrs: ['a:0']}}", "hub.redis.addrs[0]: port 0"},
		{"redis twice", "hub: {kind: redis, redis: {addrs: ['a:1', 'b:1', 'a:1']}}", "hub.redis.addrs[2]: \"a:1\" is given twice"},
		{"redis password that is not there", "hub: {kind: redis, redis: {password_file: /nowhere/p}}", "hub.redis.password_file: \"/nowhere/p\" cannot be read"},
		{"redis user without a password", "hub: {kind: redis, redis: {username: me}}", "hub.redis.password_file: is missing: a user of Redis has a password, in a file or in PRESENCE_HUB_REDIS_PASSWORD"},
		{"redis authorities without TLS", "hub: {kind: redis, redis: {ca_file: " + bad + "}}", "hub.redis.ca_file: has no effect without tls"},
		{"redis authorities that are none", "hub: {kind: redis, redis: {tls: true, ca_file: " + bad + "}}", "hub.redis.ca_file: "},
		{"redis without a prefix", "hub: {kind: redis, redis: {prefix: ''}}", "hub.redis.prefix: is empty"},
		{"redis prefix with braces", "hub: {kind: redis, redis: {prefix: 'a{b}'}}", "hub.redis.prefix: \"a{b}\" cannot begin a key"},
		{"redis prefix too long", "hub: {kind: redis, redis: {prefix: " + strings.Repeat("a", 65) + "}}", "hub.redis.prefix: has 65 bytes"},
		{"unknown hub", "hub: {kind: mem}", `hub.kind: "mem" is unknown: want memory or redis`},
		{"unknown field", "privacy: {fields: [outOfOffice, outofofficemessage]}", "privacy.fields[1]: \"outofofficemessage\" is unknown: want outOfOffice, outOfOfficeMessage, statusMessage, workLocation or since; did you mean outOfOfficeMessage?"},
		{"opted out list that is none", "privacy: {opted_out_users_file: " + bad + "}", bad + ":1: "},

		{"origin with a path", "gateway.origins: [https://a.example/]", "gateway.origins[0]: \"https://a.example/\" is not how a browser writes it: write https://a.example"},
		{"origin in capitals", "gateway.origins: [https://A.example]", "write https://a.example"},
		{"origin with the usual port", "gateway.origins: [https://a.example:443]", "write https://a.example"},
		{"origin as a pattern", "gateway.origins: [https://*.example]", "is a pattern, and origins are compared exactly"},
		{"origin without a scheme", "gateway.origins: [a.example]", "is no origin: want scheme://host"},
		{"origin null", `gateway.origins: ["null"]`, "gateway.origins[0]: null is the origin of any page that hides its own"},
		{"nobody gets in", "gateway.auth: {anonymous: false}", "gateway.auth.anonymous: nobody gets in: set it to true"},
		{"keys that are not there", "gateway.auth: {api_keys_file: /nowhere/keys}", `gateway.auth.api_keys_file: "/nowhere/keys" cannot be read`},
		{"tokens of nobody", "gateway.auth: {anonymous: true, jwt: {audience: a}}", "gateway.auth.jwt.issuer: is missing: want the iss of the tokens"},
		{"scope of nobody", "gateway.auth: {jwt: {required_scope: a}}", "gateway.auth.jwt.issuer: is missing"},
		{"tokens for anything", "gateway.auth: {jwt: {issuer: https://id.example}}", "gateway.auth.jwt.audience: is missing, so that any token of the issuer would do"},
		{"tokens for Graph", "gateway.auth: {jwt: {issuer: https://id.example, audience: 'https://graph.microsoft.com'}}", "gateway.auth.jwt.audience: is Microsoft Graph, whose tokens nobody else can verify"},
		{"issuer over http", "gateway.auth: {jwt: {issuer: http://id.example, audience: a}}", "gateway.auth.jwt.issuer: what comes over http could be anybody's keys"},
		{"issuer that is a word", "gateway.auth: {jwt: {issuer: contoso, audience: a}}", "gateway.auth.jwt.issuer: is no URL"},
		{"issuer with a space", "gateway.auth: {jwt: {issuer: 'https://id.example ', audience: a}}", "gateway.auth.jwt.issuer: holds a space"},
		{"issuer of everybody", "gateway.auth: {jwt: {issuer: https://login.microsoftonline.com/common/v2.0, audience: a}}", "gateway.auth.jwt.issuer: common is where programs sign in, and no token says so"},
		{"issuer with another placeholder", "gateway.auth: {jwt: {issuer: 'https://login.example/{tenantId}/v2.0', audience: a}}", "gateway.auth.jwt.issuer: knows {tenantid} alone"},
		{"any tenant", "gateway.auth: {jwt: {issuer: 'https://login.example/{tenantid}/v2.0', audience: a}}", "gateway.auth.jwt.tenant_ids: is missing: with {tenantid} the issuer stands for every tenant in the world"},
		{"tenant by name", "gateway.auth: {jwt: {issuer: https://id.example, audience: a, tenant_ids: [contoso]}}", `gateway.auth.jwt.tenant_ids[0]: "contoso" is no tenant`},
		{"another tenant than the issuer's", "gateway.auth: {jwt: {issuer: https://id.example/" + user + "/v2.0, audience: a, tenant_ids: [0e6a1a5e-1111-4222-8333-444455556666]}}", "gateway.auth.jwt.tenant_ids: does not have the issuer's own tenant " + user},
		{"keys over http", "gateway.auth: {jwt: {issuer: a, audience: a, jwks_url: 'http://id.example/keys'}}", "gateway.auth.jwt.jwks_url: what comes over http could be anybody's keys"},
		{"keys with a password", "gateway.auth: {jwt: {issuer: a, audience: a, jwks_url: 'https://me:hunter2@id.example/keys'}}", "gateway.auth.jwt.jwks_url: holds a user name or password"},
		{"two scopes", "gateway.auth: {jwt: {issuer: https://id.example, audience: a, required_scope: a b}}", `gateway.auth.jwt.required_scope: "a b" is more than one scope`},
		{"scope as it is asked for", "gateway.auth: {jwt: {issuer: https://id.example, audience: a, required_scope: api://a/Presence.Subscribe}}", "gateway.auth.jwt.required_scope: is written as a program asks for it, and tokens hold only its end: write Presence.Subscribe"},
		{"login without tokens", "gateway.auth: {anonymous: true, login: {client_id: a, scope: b}}", "gateway.auth.login.client_id: leads nowhere: no token is accepted"},
		{"login as nobody", "gateway.auth: {jwt: {issuer: https://id.example, audience: a}, login: {scope: b}}", "gateway.auth.login.client_id: is missing"},
		{"login for nothing", "gateway.auth: {jwt: {issuer: https://id.example, audience: a}, login: {client_id: b}}", "gateway.auth.login.scope: is missing"},
		{"login for something else", "gateway.auth: {jwt: {issuer: https://id.example, audience: a, required_scope: b}, login: {client_id: b, scope: api://a/c openid}}", "gateway.auth.login.scope: asks for api://a/c openid, and gateway.auth.jwt.required_scope wants b"},
		{"rule for nobody", `gateway.policy: [{allow: "*"}]`, "gateway.policy[0].who: says nothing: want exactly one of"},
		{"rule for two", `gateway.policy: [{who: {anonymous: true, everyone: true}, allow: "*"}]`, "gateway.policy[0].who: says anonymous or everyone: want exactly one"},
		{"rule for a group by name", `gateway.policy: [{who: {groups: [team]}, allow: "*"}]`, "gateway.policy[0].who.groups[0]: \"team\" is"},
		{"rule for no roles", `gateway.policy: [{who: {roles: []}, allow: "*"}]`, "gateway.policy[0].who.roles: names nobody"},
		{"anonymous false", `gateway.policy: [{who: {anonymous: false}, allow: "*"}]`, "gateway.policy[0].who.anonymous: names nobody"},
		{"who as a text", `gateway.policy: [{who: anonymous, allow: "*"}]`, "gateway.policy[0].who: is a text: want a mapping"},
		{"rule that allows nobody", "gateway.policy: [{who: {anonymous: true}}]", "gateway.policy[0].allow: allows nobody"},
		{"rule that allows all, misspelt", "gateway.policy: [{who: {anonymous: true}, allow: all}]", `gateway.policy[0].allow: want "*", or a mapping`},
		{"rule for a group not watched", "gateway.policy: [{who: {anonymous: true}, allow: {groups: [" + user + "]}}]", "gateway.policy[0].allow.groups[0]: " + user + " is not in watch.groups"},
		{"rule with a field not kept", `gateway.policy: [{who: {anonymous: true}, allow: "*", fields: [since]}]`, "gateway.policy[0].fields: shows since, which privacy.fields does not keep"},
		{"rule with an unknown field", `gateway.policy: [{who: {anonymous: true}, allow: "*", fields: [sincE]}]`, "gateway.policy[0].fields[0]: \"sincE\" is unknown"},
		{"no connections", "gateway.limits: {connections: 0}", "gateway.limits.connections: is 0: want 1 or more"},
		{"no messages", "gateway.limits: {messages_per_second: 0}", "gateway.limits.messages_per_second: is 0: want 1 or more"},
		{"tiny messages", "gateway.limits: {message_bytes: 1}", "gateway.limits.message_bytes: is 1: want 1024 or more"},
		{"flush below 0", "gateway.flush: -1ms", "gateway.flush: is -1ms"},
		{"heartbeat 0", "gateway.heartbeat: 0s", "gateway.heartbeat: is 0s"},
		{"stall 0", "gateway.stall: 0s", "gateway.stall: is 0s"},
		{"read_wait below 0", "gateway.read_wait: -1s", "gateway.read_wait: is -1s"},
		{"delay longer than the drain", "gateway: {drain: 1s, drain_delay: 2s}", "gateway.drain_delay: is 2s, longer than the whole drain of 1s"},

		{"two documents", "---\nlisten: 127.0.0.1:1", "a second document begins here"},
		{"not YAML", "listen: [", "is not YAML: "},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			text := lay(least(t), row.text)
			_, _, err := config.Parse("c.yaml", []byte(text), nil)
			var problems config.Problems
			if !errors.As(err, &problems) {
				t.Fatalf("accepted:\n%s", text)
			}
			if len(problems) != 1 && !strings.HasPrefix(row.name, "nobody gets") || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got:\n%v\nwant one line with:\n%s", err, row.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error repeats a secret: %v", err)
			}
		})
	}
}

func TestMeReadsOneUser(t *testing.T) {
	for _, watch := range []string{"watch.on_demand: true", "watch.users: [fa8bf3dc-eca7-46b7-bad1-db199b62afc3, 66825e03-7ef5-42da-9069-724602c31f6b]"} {
		text := lay(lay(least(t), "graph.read: me"), watch)
		if _, _, err := config.Parse("c.yaml", []byte(text), nil); err == nil || !strings.Contains(err.Error(), "graph.read: me reads whoever is signed in, and nobody else") {
			t.Errorf("%s: %v", watch, err)
		}
	}
}

// lay puts a line into a configuration: "graph.read: x" under graph, where it replaces what stands there; anything
// else at the end, or over the heading it begins with.
func lay(text, line string) string {
	key, rest, _ := strings.Cut(line, ": ")
	if parent, member, ok := strings.Cut(key, "."); ok && !strings.ContainsAny(parent, " \n:") {
		lines := strings.Split(text, "\n")
		var out []string
		skip, in := false, false
		for _, l := range lines {
			indent := len(l) - len(strings.TrimLeft(l, " "))
			if indent == 0 {
				in = l == parent+":"
			}
			if skip = skip && indent > 2 || in && strings.HasPrefix(l, "  "+member+":"); skip {
				continue
			}
			out = append(out, l)
			if l == parent+":" {
				out = append(out, "  "+member+": "+rest)
			}
		}
		return strings.Join(out, "\n")
	}
	for _, heading := range []string{"watch", "gateway"} {
		if key != heading {
			continue
		}
		inner := strings.TrimSuffix(strings.TrimPrefix(rest, "{"), "}")
		for _, member := range strings.SplitAfter(inner, "], ") {
			for _, m := range split(member) {
				text = lay(text, heading+"."+m)
			}
		}
		return text
	}
	return text + line + "\n"
}

func split(members string) []string {
	members = strings.TrimSuffix(members, ", ")
	if strings.Contains(members, "[") {
		return []string{members}
	}
	return strings.Split(members, ", ")
}

func TestAllAtOnce(t *testing.T) {
	_, _, err := config.Parse("c.yaml", []byte(`listen: 8080
logg: {}
graph:
  cloud: china
  budget: {requests: 0, window: 0}
  base_url: http://10.0.0.1
watch: {users: [x, y]}
gateway:
  policy: [{who: {}}, {who: {keys: [k]}, allow: "*"}]
`), []string{"PRESENCE_GRAPH_TIMEOUT=soon", "PRESENCE_WATCH_GROUPS=a,b"})
	want := `c.yaml:1: listen: is a number: want a text
c.yaml:2: logg: unknown key; did you mean log?
c.yaml:4: graph.credential: there is no credential: set tenant_id, client_id and client_secret_file, or another kind with what it needs
c.yaml:4: graph.cloud: china cannot work: Microsoft Graph operated by 21Vianet offers no presence
c.yaml:5: graph.budget.requests: is 0, which is too small: some of it is the reserve, so want 2 or more
c.yaml:5: graph.budget.window: is 0, and no number of reads fits into no time: want for example 30s
c.yaml:6: graph.base_url: a token must not travel over http: use https, or http to this machine only (127.0.0.1, [::1], localhost)
c.yaml:7: watch.users[0]: "x" is not a GUID such as fa8bf3dc-eca7-46b7-bad1-db199b62afc3
c.yaml:7: watch.users[1]: "y" is not a GUID such as fa8bf3dc-eca7-46b7-bad1-db199b62afc3
c.yaml:9: gateway.auth.anonymous: nobody gets in: set it to true, or set gateway.auth.api_keys_file or gateway.auth.jwt, and say in gateway.policy who sees whom
c.yaml:9: gateway.policy[0].who: says nothing: want exactly one of anonymous: true, everyone: true, roles, groups, keys or subjects
c.yaml:9: gateway.policy[0].allow: allows nobody: want "*", or users or groups that are listed
PRESENCE_GRAPH_TIMEOUT: "soon" is not a duration such as 30s or 1m30s
PRESENCE_WATCH_GROUPS: "a" is not a GUID such as fa8bf3dc-eca7-46b7-bad1-db199b62afc3`
	if err == nil || sortedLines(err.Error()) != sortedLines(want) {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

func sortedLines(text string) string { // problems of one line have no order among them
	lines := strings.Split(text, "\n")
	for i := range lines {
		for j := i; j > 0 && lines[j] < lines[j-1]; j-- {
			lines[j], lines[j-1] = lines[j-1], lines[j]
		}
	}
	return strings.Join(lines, "\n")
}

func TestFileItself(t *testing.T) {
	for _, row := range []struct{ name, text, want string }{
		{"empty", "", "c.yaml: is empty"},
		{"comments only", "# listen: x\n", "c.yaml: is empty"},
		{"a dash line only", "---\n", "c.yaml: is empty"},
		{"null", "~\n", "c.yaml: is empty"},
		{"a word", "presence\n", "is a text: want a mapping"},
		{"a list", "- listen\n", "is a list: want a mapping"},
		{"tabs", "log:\n\tlevel: info\n", "is not YAML: "},
		{"binary", "\x00\x01\x02", "c.yaml"},
		{"deep", strings.Repeat("[", 100_000), "is nested far deeper"},
		{"deep in blocks", strings.Repeat("- ", 100_000), "is nested far deeper"},
		{"large", strings.Repeat("# padding\n", 500_000), "is larger than 4 MiB"},
		{"merges itself", "gateway: &g {<<: *g, flush: 1ms}\n", "merges too much, or itself"},
		{"is itself", "watch: {users: &u [*u]}\n", "is a list: want a GUID"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, _, err := config.Parse("c.yaml", []byte(row.text), nil)
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v\nwant %s", err, row.want)
			}
		})
	}
	if _, _, err := config.Load("/nowhere/c.yaml", nil); err == nil || err.Error() != "/nowhere/c.yaml: cannot be read: no such file or directory" {
		t.Errorf("missing file: got %v", err)
	}
}

// No text may crash the reader, or be refused without saying where.
func FuzzConfig(f *testing.F) {
	for _, seed := range []string{"", "listen: a\n", "a: &a [*a]\n", "gateway: {<<: &x {flush: 1}, policy: [{who: {}}]}\n",
		"watch:\n  users: [fa8bf3dc-eca7-46b7-bad1-db199b62afc3]\n---\n", "log: !!map {level: |\n  info\n}", "? [a]\n: b\n", "\"a\\u0000\": 1e400"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, _, err := config.Parse("c.yaml", text, nil)
		if (c == nil) == (err == nil) {
			t.Fatalf("got %v and %v", c, err)
		}
		var problems config.Problems
		if err != nil && (!errors.As(err, &problems) || !strings.HasPrefix(err.Error(), "c.yaml")) {
			t.Fatalf("an error without its place: %v", err)
		}
	})
}

func TestUnusedPartsAreNotJudged(t *testing.T) {
	text := "graph: {credential: {kind: client_secret}}\ngateway: {auth: {anonymous: true}, policy: [{who: {anonymous: true}, allow: '*'}]}\n"
	if _, _, err := config.Parse("c.yaml", []byte(text), nil); err == nil {
		t.Error("a credential without a secret is taken")
	}
	if _, _, err := config.Parse("c.yaml", []byte(text), nil, config.Judge{Part: "graph.credential", Unused: true}); err != nil {
		t.Errorf("without a use for the credential: %v", err)
	}
	text = "graph: {credential: {kind: token_file}}\n"
	environ := []string{"PRESENCE_GRAPH_CREDENTIAL_TOKEN=t"}
	if _, _, err := config.Parse("c.yaml", []byte(text), environ); err == nil || !strings.Contains(err.Error(), "gateway.auth") {
		t.Errorf("a gateway that nobody may enter: %v", err)
	}
	if _, _, err := config.Parse("c.yaml", []byte(text), environ, config.Judge{Part: "gateway", Unused: true}); err != nil {
		t.Errorf("without a use for the gateway: %v", err)
	}
}
