package credential_test

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/graphsim/authority"
	"github.com/presence-gateway/presence-gateway/poller/credential"
)

// The token is renewed ahead of its end: no caller ever waits, or gets one that has ended.
func TestRenewsAhead(t *testing.T) {
	signingKey()
	for _, row := range []struct {
		name     string
		o        authority.Options
		during   time.Duration
		min, max int
	}{
		{"an hour", authority.Options{}, 12 * time.Hour, 13, 14},
		{"a day, renewed after half", authority.Options{TokenLife: 24 * time.Hour, RefreshIn: 12 * time.Hour}, 30 * time.Hour, 3, 4},
		{"a minute", authority.Options{TokenLife: time.Minute}, time.Hour, 60, 90},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newPipedWorld(t, row.o)
				e := w.entra(credential.Options{})
				stop := w.run(e)
				synctest.Wait()
				for range 300 {
					before := time.Now()
					w.token(e)
					if !time.Now().Equal(before) {
						t.Fatal("a caller had to wait")
					}
					time.Sleep(row.during / 300)
					synctest.Wait()
				}
				stop()
				if s := w.Stats(); s.Token < row.min || s.Token > row.max {
					t.Errorf("%d sign-ins in %v, want %d to %d", s.Token, row.during, row.min, row.max)
				}
			})
		})
	}
}

// Without Run a caller renews the token, and only where none is left does its failure matter.
func TestRenewsWithoutRun(t *testing.T) {
	signingKey()
	synctest.Test(t, func(t *testing.T) {
		w := newPipedWorld(t, authority.Options{})
		e := w.entra(credential.Options{})
		first, _ := w.token(e)
		w.SetFault(&authority.Fault{Status: 503})
		time.Sleep(58 * time.Minute)
		if token, _ := w.token(e); token != first {
			t.Error("another token, though the authority fails")
		}
		w.SetFault(nil)
		time.Sleep(11 * time.Second)
		if token, _ := w.token(e); token == first {
			t.Error("the token was not renewed")
		}
	})
}

func TestNoStormOfSignIns(t *testing.T) {
	signingKey()
	synctest.Test(t, func(t *testing.T) {
		w := newPipedWorld(t, authority.Options{})
		e := w.entra(credential.Options{ClientSecret: "canary-wrong"})
		w.run(e)
		seen, last := 0, time.Now().Add(-time.Hour)
		for range 10 * 60 * 10 {
			synctest.Wait()
			if _, err := e.Token(t.Context()); err == nil {
				t.Fatal("a token")
			}
			if n := w.Stats().Token; n != seen {
				if gap := time.Since(last); n > seen+1 || gap < 1500*time.Millisecond || seen > 5 && gap > 10*time.Second {
					t.Fatalf("%d sign-ins %v after the one before", n-seen, gap)
				}
				seen, last = n, time.Now()
			}
			time.Sleep(100 * time.Millisecond)
		}
		if seen < 60 || seen > 80 {
			t.Errorf("%d sign-ins in ten minutes", seen)
		}
		if n := w.logs.count("AADSTS7000215"); n != 1 {
			t.Errorf("the log says it %d times, want once", n)
		}
		w.clean(w.logs.String())
	})
}

func TestRetryAfterIsObeyed(t *testing.T) {
	signingKey()
	for _, status := range []int{429, 503} {
		synctest.Test(t, func(t *testing.T) {
			w := newPipedWorld(t, authority.Options{})
			w.SetFault(&authority.Fault{Status: status, RetryAfter: 90 * time.Second})
			e := w.entra(credential.Options{})
			w.run(e)
			synctest.Wait()
			changed, begun := e.Changed(), time.Now()
			w.SetFault(nil)
			<-changed
			if took := time.Since(begun); took < 89*time.Second || took > 92*time.Second {
				t.Errorf("tried again after %v, want 90 s", took)
			}
			w.token(e)
			if s := w.Stats(); s.Token != 2 {
				t.Errorf("%d token requests, want 2", s.Token)
			}
		})
	}
}

func put(t *testing.T, path, content string) {
	t.Helper()
	fresh := path + ".new"
	if err := os.WriteFile(fresh, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fresh, path); err != nil {
		t.Fatal(err)
	}
}

// A secret that Entra refuses takes nothing away: the token stays, and when it ends, the old secret serves.
func TestRotation(t *testing.T) {
	signingKey()
	synctest.Test(t, func(t *testing.T) {
		w := newPipedWorld(t, authority.Options{})
		path := write(t, "secret", secret)
		e := w.entra(credential.Options{ClientSecretFile: path})
		w.run(e)
		first, _ := w.token(e)

		put(t, path, "canary-mistyped")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if token, _ := w.token(e); token != first {
			t.Error("the token did not stay")
		}
		if f := e.Failure(); f == nil || f.Kind != credential.SecretInvalid {
			t.Errorf("Failure says %v", f)
		}
		tries := w.Stats().Refused
		time.Sleep(10 * time.Minute)
		if n := w.Stats().Refused - tries; n > 15 {
			t.Errorf("%d tries of a bad secret in ten minutes, though there is a token", n)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if token, _ := w.token(e); token == first {
			t.Error("the token did not change in an hour")
		}
		if n := w.logs.count("AADSTS7000215"); n > 4 {
			t.Errorf("the log says it %d times", n)
		}

		a := app()
		a.Secrets = []authority.Secret{{Value: "canary-new"}}
		w.Register(a)
		changed, begun := e.Changed(), time.Now()
		put(t, path, "canary-new")
		<-changed
		synctest.Wait()
		if took := time.Since(begun); took > 2*time.Second || e.Failure() != nil {
			t.Errorf("after %v: %v", took, e.Failure())
		}
		issued := w.Stats().Issued
		time.Sleep(time.Hour)
		synctest.Wait()
		w.token(e)
		if w.Stats().Issued == issued {
			t.Error("not renewed with the new secret")
		}
		w.clean(w.logs.String())
	})
}

// A file that cannot be used leaves the credential as it was, is reported once, and is read again when it is mended.
func TestBrokenFileKeepsTheOld(t *testing.T) {
	signingKey()
	appKey()
	synctest.Test(t, func(t *testing.T) {
		w := newPipedWorld(t, authority.Options{})
		c := selfSigned(t, appKey(), time.Now().AddDate(0, 1, 0))
		a := app()
		a.Certificates = append(a.Certificates, c)
		w.Register(a)
		path := write(t, "certificate", inPEM(t, c, appKey()))
		e := w.entra(credential.Options{Kind: credential.ClientCertificate, CertificateFile: path})
		w.run(e)
		w.token(e)
		for _, broken := range []string{"canary no certificate", ""} {
			put(t, path, broken)
			time.Sleep(3 * time.Hour)
			synctest.Wait()
			w.token(e)
			if e.Failure() == nil {
				t.Error("Failure says nothing of the file")
			}
		}
		if n := w.logs.count("new credential cannot be used, the old one stays"); n != 2 {
			t.Errorf("the log says it %d times, want once for each of 2", n)
		}
		changed := e.Changed()
		put(t, path, inPEM(t, c, appKey()))
		<-changed
		time.Sleep(time.Second)
		synctest.Wait()
		if f := e.Failure(); f != nil {
			t.Error(f)
		}
		w.clean(w.logs.String())
	})
}

// The end of a certificate is spoken of in its last 30 days, once a day, until there is another one.
func TestTheEndOfACertificateIsAnnounced(t *testing.T) {
	signingKey()
	appKey()
	synctest.Test(t, func(t *testing.T) {
		w := newPipedWorld(t, authority.Options{})
		first, second := selfSigned(t, appKey(), time.Now().AddDate(0, 0, 40)), selfSigned(t, appKey(), time.Now().AddDate(1, 0, 0))
		a := app()
		a.Certificates = append(a.Certificates, first, second)
		w.Register(a)
		path := write(t, "certificate", inPEM(t, first, appKey()))
		e := w.entra(credential.Options{Kind: credential.ClientCertificate, CertificateFile: path})
		said := func(when string, want int) {
			t.Helper()
			stop := w.run(e)
			time.Sleep(3 * time.Second)
			stop()
			if n := w.logs.count("the client certificate ends soon"); n != want {
				t.Errorf("%s: said %d times, want %d", when, n, want)
			}
		}
		const day = 24 * time.Hour
		time.Sleep(9 * day)
		said("31 days ahead", 0)
		time.Sleep(2 * day)
		said("29 days ahead", 1)
		time.Sleep(day - time.Hour)
		said("the same day", 1)
		time.Sleep(time.Hour)
		said("the next day", 2)
		put(t, path, inPEM(t, second, appKey()))
		time.Sleep(2 * day)
		said("after it was replaced", 2)
	})
}

// While nothing can be signed in with, a file that is mended is tried within 2 s, whatever the pause was.
func TestMendedFileIsTriedAtOnce(t *testing.T) {
	signingKey()
	synctest.Test(t, func(t *testing.T) {
		w := newPipedWorld(t, authority.Options{})
		path := write(t, "secret", "canary-wrong")
		e := w.entra(credential.Options{ClientSecretFile: path})
		w.run(e)
		time.Sleep(5 * time.Minute)
		changed, begun := e.Changed(), time.Now()
		put(t, path, secret)
		<-changed
		w.token(e)
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("it took %v, want 2 s at most", took)
		}
	})
}

// A good secret in the place of a good one is tried at once, too, and told: Graph may have refused what the old one got.
func TestRotationIsTold(t *testing.T) {
	signingKey()
	synctest.Test(t, func(t *testing.T) {
		w := newPipedWorld(t, authority.Options{})
		a := app()
		a.Secrets = append(a.Secrets, authority.Secret{Value: "canary-new"})
		w.Register(a)
		path := write(t, "secret", secret)
		e := w.entra(credential.Options{ClientSecretFile: path})
		w.run(e)
		first, _ := w.token(e)
		changed, begun := e.Changed(), time.Now()
		put(t, path, "canary-new")
		select {
		case <-changed:
		case <-time.After(time.Hour / 2):
		}
		if token, _ := w.token(e); token == first || time.Since(begun) > 2*time.Second {
			t.Errorf("after %v: another token: %v", time.Since(begun), token != first)
		}
	})
}

func TestRunEndsWhatItBegan(t *testing.T) {
	signingKey()
	synctest.Test(t, func(t *testing.T) {
		w := newPipedWorld(t, authority.Options{})
		e := w.entra(credential.Options{Kind: credential.DeviceCode})
		stop := w.run(e)
		time.Sleep(time.Minute)
		begun := time.Now()
		stop()
		if took := time.Since(begun); took > time.Second {
			t.Errorf("it took %v", took)
		}
		if f := e.Failure(); f != nil {
			t.Errorf("the end counts as a failure: %v", f)
		}
	})
}
