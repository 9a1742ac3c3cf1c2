package authority

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Access describes an access token for an API other than Graph, as Entra would issue it.
type Access struct {
	Root     string        // of the authority, such as https://127.0.0.1:9000; the issuer's name begins with it
	Audience string        // the API's application id, or for version 1 its identifier URI
	Version  int           // 1 or 2; 0: 2
	User     *User         // nil: the application itself
	ClientID string        // of the application that the token was given to
	Scopes   []string      // delegated permissions
	Roles    []string      // the user's or the application's
	Groups   []string      // object ids
	Life     time.Duration // 0: as every token of the authority

	Claims map[string]any // laid over what the above says; nil takes a claim away
	Header map[string]any // likewise
}

// Mint makes such a token without any request.
func (a *Authority) Mint(t Access) (string, error) {
	claims := a.accessClaims(t)
	overlay(claims, t.Claims)
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	key := a.signingKey()
	token.Header["kid"] = key.id
	overlay(token.Header, t.Header)
	text, err := token.SigningString()
	if err != nil {
		return "", fmt.Errorf("authority: mint: %w", err)
	}
	return a.seal(text)
}

func overlay(on, changes map[string]any) {
	maps.Copy(on, changes)
	maps.DeleteFunc(on, func(_ string, value any) bool { return value == nil })
}

// MintText signs a header and a payload as they are, whatever they are: what an issuer never would, but a forger might.
func (a *Authority) MintText(header, payload string) (string, error) {
	encode := base64.RawURLEncoding.EncodeToString
	return a.seal(encode([]byte(header)) + "." + encode([]byte(payload)))
}

// KeyID returns the name of the key that signs now.
func (a *Authority) KeyID() string { return a.signingKey().id }

func (a *Authority) seal(text string) (string, error) {
	signature, err := jwt.SigningMethodRS256.Sign(text, a.signingKey().PrivateKey)
	if err != nil {
		return "", fmt.Errorf("authority: mint: %w", err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// accessClaims are those of "Access token claims reference", for a person or an application.
func (a *Authority) accessClaims(t Access) jwt.MapClaims {
	now := time.Now()
	c := jwt.MapClaims{
		"aud": t.Audience, "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(cmp.Or(t.Life, a.o.TokenLife)).Unix(),
		"tid": a.o.TenantID, "uti": random(), "rh": "0." + random(), "aio": random(),
	}
	if t.Version == 1 {
		c["ver"], c["iss"], c["appid"], c["appidacr"] = "1.0", "https://sts.windows.net/"+a.o.TenantID+"/", t.ClientID, "0"
	} else {
		c["ver"], c["iss"], c["azp"], c["azpacr"] = "2.0", a.issuer(t.Root), t.ClientID, "0"
	}
	if t.User != nil {
		// The subject is another one for each application.
		c["oid"], c["sub"], c["scp"] = t.User.ID, pairwise(t.User.ID, t.ClientID), strings.Join(t.Scopes, " ")
		c["name"], c["preferred_username"] = cmp.Or(t.User.DisplayName, t.User.Name), t.User.Name
	} else {
		object := servicePrincipal(t.ClientID)
		c["oid"], c["sub"], c["idtyp"] = object, object, "app"
	}
	if len(t.Roles) > 0 {
		c["roles"] = t.Roles
	}
	if len(t.Groups) > 0 {
		c["groups"] = t.Groups
	}
	return c
}

// pairwise is the subject of a person at one application.
func pairwise(person, application string) string {
	sum := sha256.Sum256([]byte(person + "\x00" + application))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// servicePrincipal is the object that an application is in the tenant.
func servicePrincipal(application string) string {
	sum := sha256.Sum256([]byte("object of " + application))
	return fmt.Sprintf("%x-%x-4%03x-8%03x-%x", sum[0:4], sum[4:6], uint16(sum[6])<<4&0xfff, uint16(sum[8])<<4&0xfff, sum[10:16])
}
