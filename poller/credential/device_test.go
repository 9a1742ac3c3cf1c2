package credential_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/graphsim/authority"
	"github.com/presence-gateway/presence-gateway/poller/credential"
)

var anna = authority.User{ID: "33333333-4444-4555-8666-777777777777", Name: "anna@contoso.test"}

func TestDeviceCode(t *testing.T) {
	signingKey()
	synctest.Test(t, func(t *testing.T) {
		w := newPipedWorld(t, authority.Options{})
		prompts := make(chan credential.SignIn, 10)
		e := w.entra(credential.Options{Kind: credential.DeviceCode, Prompt: func(s credential.SignIn) { prompts <- s }})
		w.run(e)
		s := <-prompts
		if s.URL != "https://login.test/device" || s.Code == "" {
			t.Fatalf("got %+v", s)
		}
		synctest.Wait()
		begun := time.Now()
		_, err := e.Token(t.Context())
		if got := w.trouble(err, credential.SignInPending); !strings.Contains(got.Error(), s.Code) || !strings.Contains(got.Error(), s.URL) {
			t.Errorf("got %v", got)
		}
		if !time.Now().Equal(begun) {
			t.Error("Token waited for a person")
		}
		if w.logs.count(s.Code) != 1 || w.logs.count("kept in memory") != 1 {
			t.Errorf("the log says %s", w.logs)
		}
		time.Sleep(3 * time.Minute)
		changed := e.Changed()
		if !w.Approve(s.Code, anna) {
			t.Fatal("no such code")
		}
		<-changed // also when nothing had failed: somebody waits
		if _, claims := w.token(e); claims.Scopes != "Presence.Read.All" || claims.ObjectID != anna.ID || claims.Type != "user" {
			t.Errorf("got %+v", claims)
		}

		// The refresh token serves for days, over an outage too.
		time.Sleep(5 * time.Hour)
		w.SetFault(&authority.Fault{Status: 503})
		time.Sleep(3 * time.Hour)
		_, err = e.Token(t.Context())
		w.trouble(err, credential.Unavailable)
		w.SetFault(nil)
		time.Sleep(11 * time.Second)
		w.token(e)
		if len(prompts) != 0 {
			t.Fatal("an outage asked a person to sign in again")
		}
		if r := w.Stats().Refreshes; r < 6 {
			t.Errorf("%d refreshes in 8 hours", r)
		}

		// Until Entra ends it.
		w.EndSessions()
		s = <-prompts
		w.Approve(s.Code, anna)
		time.Sleep(10 * time.Second)
		w.token(e)
		w.clean(w.logs.String())
	})
}

func TestDeviceCodeExpires(t *testing.T) {
	signingKey()
	synctest.Test(t, func(t *testing.T) {
		w := newPipedWorld(t, authority.Options{})
		prompts := make(chan credential.SignIn, 10)
		e := w.entra(credential.Options{Kind: credential.DeviceCode, Prompt: func(s credential.SignIn) { prompts <- s }})
		w.run(e)
		<-prompts
		begun := time.Now()
		second := <-prompts
		if took := time.Since(begun); took < 14*time.Minute || took > 16*time.Minute {
			t.Errorf("another code after %v, want about 15 min", took)
		}
		if w.logs.count("nobody entered the code in time") != 1 {
			t.Errorf("the log says %s", w.logs)
		}
		w.Deny(second.Code)
		<-prompts
		if w.logs.count("the user declined") != 1 {
			t.Errorf("the log says %s", w.logs)
		}
	})
}

// Without Run, as in a command that asks once, Token waits for the person.
func TestDeviceCodeWithoutRun(t *testing.T) {
	signingKey()
	synctest.Test(t, func(t *testing.T) {
		w := newPipedWorld(t, authority.Options{})
		e := w.entra(credential.Options{Kind: credential.DeviceCode, Prompt: func(s credential.SignIn) {
			time.AfterFunc(2*time.Minute, func() { w.Approve(s.Code, anna) })
		}})
		begun := time.Now()
		w.token(e)
		if took := time.Since(begun); took < 2*time.Minute || took > 3*time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}

func TestDeviceCodeNeedsAPublicApp(t *testing.T) {
	w := newWorld(t, authority.Options{})
	a := app()
	a.Public = false
	w.Register(a)
	_, err := w.entra(credential.Options{Kind: credential.DeviceCode}).Token(t.Context())
	w.trouble(err, credential.NotPublic)
	a.Public, a.NoConsent = true, true
	w.Register(a)
	_, err = w.entra(credential.Options{Kind: credential.DeviceCode}).Token(t.Context())
	w.trouble(err, credential.ConsentMissing)
}
