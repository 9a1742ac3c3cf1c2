package web

import (
	"crypto/sha256"
	"crypto/sha512"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

//go:embed all:dist
var dist embed.FS

// A Built is one of the files that browsers load, under the name that holds the hash of its content: what such a name
// stands for never changes. After an upgrade that changed it, the name is gone.
type Built struct {
	Path      string `json:"path"`      // on the gateway, such as /assets/widget-0123456789ab.js
	Integrity string `json:"integrity"` // for a script element's attribute of that name (Subresource Integrity)
}

// Files returns what browsers load, by its name without the hash: "widget.js", "dashboard.js", "dashboard.css". The result
// must not be changed.
func Files() map[string]Built { return embedded().built }

// widget is the one file that has a name without a hash.
const widget = "/widget.js"

// loaded is what the widget loads on whatever origin: where a page has a list of people, a second tab to share a connection
// with, or a language other than English.
var loaded = []string{"list.js", "tabs.js", "translations.js"}

// contents are the embedded files, ready to be sent.
type contents struct {
	files map[string]*file // by request path
	built map[string]Built
}

// embedded reads the files once: they are part of the program.
var embedded = sync.OnceValue(func() *contents {
	c := &contents{files: map[string]*file{}, built: map[string]Built{}}
	err := fs.WalkDir(dist, "dist", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || path.Ext(name) == ".br" || path.Ext(name) == ".gz" {
			return err
		}
		content, err := dist.ReadFile(name)
		if err != nil {
			return err
		}
		zipped, _ := dist.ReadFile(name + ".gz") // where there is one, as of brotli
		small, _ := dist.ReadFile(name + ".br")
		c.add(strings.TrimPrefix(name, "dist"), newFile(path.Ext(name), content, zipped, small))
		return nil
	})
	if err != nil {
		// Only a broken build gets here.
		panic("web: embedded files: " + err.Error())
	}
	return c
})

// hashedName tells the name of a file in assets from its hash. Parts that scripts share have no name of their own.
var hashedName = regexp.MustCompile(`^/assets/(.+)-[0-9A-Za-z]{8,}(\.[a-z]+)$`)

func (c *contents) add(name string, f *file) {
	c.files[name] = f
	if name == widget {
		sum := sha256.Sum256(f.plain)
		name = "/assets/widget-" + hex.EncodeToString(sum[:6]) + ".js"
		f.public, c.files[name] = true, f
	}
	if parts := hashedName.FindStringSubmatch(name); parts != nil && parts[1] != "chunk" {
		sum := sha512.Sum384(f.plain)
		f.public = f.public || slices.Contains(loaded, parts[1]+parts[2])
		c.built[parts[1]+parts[2]] = Built{name, "sha384-" + base64.StdEncoding.EncodeToString(sum[:])}
	}
}
