package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/presence-gateway/presence-gateway/internal/config"
	"github.com/presence-gateway/presence-gateway/internal/graphsim"
	"github.com/presence-gateway/presence-gateway/internal/graphsim/authority"
)

type simulateFlags struct {
	listen, logLevel string
	tlsCert, tlsKey  string
	trace, count     string
	login            loginFlags
	tenant           graphsim.Options
}

func simulateCommand() *cobra.Command {
	var f simulateFlags
	cmd := &cobra.Command{
		Use:   "simulate --listen ADDR",
		Short: "Run the simulated Graph tenant alone, to develop and test against",
		Long: `Run the simulated Graph tenant alone: Graph's answers, limits and faults, for people who live a working day.

Point a gateway at it with graph.base_url. Steer it while it runs:

  GET  /sim/stats                  reads counted, refused, peak in any window
  PUT  /sim/users/{id}/presence    {"availability":"Busy","activity":"InACall"}
  PUT  /sim/faults                 {"status":{"status":503},"latency":{"ms":200}}; {} ends them
  POST /sim/reset                  faults off, figures at zero

With --trace people do what a file says, in place of a day made from the seed: JSON lines in order of time, the first of each user
(at t 0) their first state, the later ones each change. User i of the file is the i-th of GET /sim/users. --speed makes it faster,
--trace-from begins further on; when it is over, everybody stays as they are.

  {"t":0,"user":0,"availability":"Available","activity":"Available"}
  {"t":12.5,"user":0,"availability":"Busy","activity":"InACall"}

With --client-id and --client-secret there is a simulated sign-in as well, and Graph takes its tokens alone:

  presence-gateway simulate --listen 127.0.0.1:9000 --tls --ca-file ca.pem --client-id app --client-secret secret
  PUT  /sim/login                  {"secretExpired":true}, noConsent, disabled, blocked, permissions; {} ends them
  POST /sim/login/revoke           every token so far is answered with a claims challenge
  POST /sim/login/approve          {"code":"..."}: somebody enters a device code

With --api-id it signs people in to the gateway as well (gateway.auth.jwt, and gateway.auth.login with --redirect-uri):

  POST /sim/login/token            {"user":"ID","roles":["Desk"]}: a token without the page; {} is an application's
  PUT  /sim/login/assignments/{id} {"roles":["Desk"],"groups":["ID"]}: what tokens of the page say from now on
  POST /sim/login/keys/roll        {"withdraw":true}: sign with a new key
  PUT  /sim/login/keys             {"status":503}, delayMs, empty, garbage, hugeBytes, redirect; {} ends them

--client-certificate, --workload-token and --identity-listen let the application prove itself in these ways, too.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return simulate(cmd, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "", "host:port to serve Graph on (required)")
	flags.IntVar(&f.tenant.Users, "users", 500, "how many people the tenant has")
	flags.Uint64Var(&f.tenant.Seed, "seed", 1, "the same seed gives the same people and the same day")
	flags.Float64Var(&f.tenant.ChangesPerSecond, "changes-per-second", 0, "presence changes a second; 0: as people change at --speed")
	flags.Float64Var(&f.tenant.Speed, "speed", 1, "how many times faster than real the day passes")
	flags.StringVar(&f.trace, "trace", "", "a file with what people do (see above)")
	flags.DurationVar(&f.tenant.TraceFrom, "trace-from", 0, "where in the trace to begin; what is before it has happened")
	flags.IntVar(&f.tenant.Budget, "budget", 1500, "presence reads allowed in a window before 429")
	flags.DurationVar(&f.tenant.Window, "window", 30*time.Second, "that window")
	flags.StringVar(&f.count, "count", "requests", "what a batch counts as: requests (one) or ids (as many as it names)")
	flags.StringVar(&f.tenant.Token, "token", "", "the one bearer token accepted besides those issued; empty: any")
	flags.StringVar(&f.tlsCert, "tls-cert", "", "certificate file, to serve TLS")
	flags.StringVar(&f.tlsKey, "tls-key", "", "its key file")
	flags.BoolVar(&f.login.tls, "tls", false, "serve TLS with a certificate made for this run")
	flags.StringVar(&f.login.caFile, "ca-file", "", "where to write the authority that --tls makes, for graph.credential.ca_file")
	flags.StringVar(&f.login.clientID, "client-id", "", "the application that may sign in; Graph then takes no other tokens")
	flags.StringVar(&f.login.clientSecret, "client-secret", "", "its (simulated) secret")
	flags.StringVar(&f.login.proofs.certificateFile, "client-certificate", "", "PEM file with the application's certificate, whose signature proves it, too")
	flags.StringVar(&f.login.proofs.workloadToken, "workload-token", "", "where to write a simulated cluster's token for the application, for AZURE_FEDERATED_TOKEN_FILE")
	flags.StringVar(&f.login.proofs.identityListen, "identity-listen", "", "host:port to serve a managed identity on, for IDENTITY_ENDPOINT")
	flags.StringVar(&f.login.tenantID, "tenant-id", authority.DefaultTenant, "the tenant it signs in to")
	flags.StringVar(&f.login.apiID, "api-id", "", "application id of the gateway, which people then sign in to; gateway.auth.jwt.audience")
	flags.StringVar(&f.login.apiScope, "api-scope", "Presence.Subscribe", "the scope that it exposes")
	flags.StringSliceVar(&f.login.redirectURIs, "redirect-uri", nil, "where its pages are sent back to, such as http://localhost:8080/; may be repeated")
	flags.DurationVar(&f.login.tokenLife, "token-life", time.Hour, "how long a token is good for")
	flags.StringVar(&f.login.listen, "login-listen", "", "host:port to serve the sign-in on; empty: beside Graph")
	flags.StringVar(&f.logLevel, "log-level", "warn", "debug, info, warn or error")
	return cmd
}

func simulate(cmd *cobra.Command, f simulateFlags) error {
	switch {
	case f.listen == "":
		return usageError{errors.New("--listen is missing: give host:port, such as --listen 127.0.0.1:9000")}
	case f.tenant.Users < 1:
		return usageError{fmt.Errorf("--users %d: want 1 or more", f.tenant.Users)}
	case f.tenant.Budget < 1 || f.tenant.Window <= 0:
		return usageError{errors.New("--budget and --window: want more than 0")}
	case f.count != "requests" && f.count != "ids":
		return usageError{fmt.Errorf("--count %q: want requests or ids", f.count)}
	case f.tenant.Speed <= 0 || f.tenant.ChangesPerSecond < 0:
		return usageError{errors.New("--speed and --changes-per-second: time does not run backwards")}
	case f.trace == "" && f.tenant.TraceFrom != 0:
		return usageError{errors.New("--trace-from is a place in a trace: give --trace, too")}
	case f.tenant.TraceFrom < 0:
		return usageError{errors.New("--trace-from: want 0 or more")}
	case f.trace != "" && (cmd.Flags().Changed("users") || f.tenant.ChangesPerSecond > 0):
		return usageError{errors.New("--trace says who there is and when they change: leave --users and --changes-per-second out")}
	case (f.tlsCert == "") != (f.tlsKey == ""):
		return usageError{errors.New("--tls-cert and --tls-key: give both or neither")}
	}
	if err := f.login.check(f.tlsCert != ""); err != nil {
		return usageError{err}
	}
	log, err := newLogger(config.Log{Level: f.logLevel, Format: "console"})
	if err != nil {
		return usageError{fmt.Errorf("--log-level: %w", err)}
	}
	f.tenant.Log, f.tenant.CountIDs = log, f.count == "ids"
	if f.trace != "" {
		if f.tenant.Trace, err = readTrace(f.trace); err != nil {
			return err
		}
		f.tenant.Users = f.tenant.Trace.Users()
	}
	listener, err := listen("--listen", f.listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	var signIn *login
	if f.login.tls || f.login.enabled {
		if signIn, err = newLogin(f.login, f.listen, f.login.listen); err != nil {
			return err
		}
	}
	if f.login.enabled {
		f.tenant.Verify = signIn.verify
	}
	tenant := graphsim.New(f.tenant)
	if f.login.enabled {
		signIn.peopleOf(tenant)
	}
	server := &http.Server{Handler: tenant.Handler(), ReadHeaderTimeout: 10 * time.Second}
	scheme := "http"
	switch {
	case f.tlsCert != "":
		c, err := loadCertificate(f.tlsCert, f.tlsKey, log)
		if err != nil {
			return fmt.Errorf("--tls-cert: %w", err)
		}
		server.TLSConfig, scheme = c.serverTLS(), "https"
	case f.login.tls:
		server.TLSConfig, scheme = signIn.TLSConfig(), "https"
	}
	ctx, stop := untilInterrupted(cmd.Context())
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	out := fmt.Sprintf("Simulated tenant with %d people on %s://%s (graph.base_url), steered under /sim/\n", f.tenant.Users, scheme, listener.Addr())
	if f.login.enabled {
		server.Handler = signIn.beside(tenant.Handler())
		if at := f.login.proofs.identityListen; at != "" {
			local, err := listen("--identity-listen", at)
			if err != nil {
				return err
			}
			defer local.Close()
			endpoint := &http.Server{Handler: signIn.identity(), ReadHeaderTimeout: 10 * time.Second}
			g.Go(func() error { return serveHTTP(ctx, endpoint, local) })
			out += fmt.Sprintf("Managed identity: IDENTITY_ENDPOINT=http://%s/msi/token IDENTITY_HEADER=%s\n", local.Addr(), identityHeader)
		}
		door := listener
		if f.login.listen != "" {
			if door, err = listen("--login-listen", f.login.listen); err != nil {
				return err
			}
			defer door.Close()
			signIn.root = "https://" + door.Addr().String()
			second := &http.Server{Handler: signIn, TLSConfig: server.TLSConfig.Clone(), ReadHeaderTimeout: 10 * time.Second}
			g.Go(func() error { return serveHTTP(ctx, second, door) })
		}
		out += fmt.Sprintf("Sign-in on https://%s (graph.credential.authority), tenant_id %s, client_id %s\n", door.Addr(), signIn.TenantID(), f.login.clientID)
		if f.login.apiID != "" {
			out += fmt.Sprintf("Issuer https://%s/%s/v2.0 (gateway.auth.jwt.issuer), audience %s\n", door.Addr(), signIn.TenantID(), f.login.apiID)
		}
	}
	fmt.Fprint(cmd.OutOrStdout(), out)
	g.Go(func() error { return tenant.Run(ctx) })
	g.Go(func() error { return serveHTTP(ctx, server, listener) })
	return g.Wait()
}

// serveHTTP serves until ctx ends, then lets requests under way end for a moment. TLS is served if the server has
// a configuration for it.
func serveHTTP(ctx context.Context, server *http.Server, listener net.Listener) error {
	ended := make(chan error, 1)
	go func() {
		if server.TLSConfig != nil {
			ended <- server.ServeTLS(listener, "", "")
			return
		}
		ended <- server.Serve(listener)
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if server.Shutdown(grace) != nil {
		server.Close()
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// readTrace reads the file of --trace. A file that is no trace is a wrong command line.
func readTrace(path string) (*graphsim.Trace, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, usageError{fmt.Errorf("--trace: %w", err)}
	}
	defer file.Close()
	trace, err := graphsim.ReadTrace(file)
	if err != nil {
		return nil, usageError{fmt.Errorf("--trace %s: %w", path, err)}
	}
	return trace, nil
}
