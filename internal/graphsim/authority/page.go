package authority

import "html/template"

// The pages that a person meets. They say at once that they are a simulation: nothing on them asks for a password.
const frame = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Simulated sign-in</title>
<style>
:root{color-scheme:light dark;--edge:#8884;--soft:#8882;--strong:#4f52b2}
body{font:16px/1.45 system-ui,sans-serif;max-width:28rem;margin:8vh auto;padding:0 1rem}
h1{font-size:1.4rem;margin:0 0 .25rem}p{margin:.25rem 0 1rem;opacity:.8}
input,button{font:inherit;width:100%;box-sizing:border-box;padding:.55rem .8rem;border:1px solid var(--edge);border-radius:.5rem;background:transparent;color:inherit;text-align:left}
button{cursor:pointer;margin-top:.4rem}button:hover,button:focus-visible{background:var(--soft);outline:2px solid var(--strong);outline-offset:1px}
small{display:block;opacity:.75}.no{margin-top:1rem;text-align:center}code{overflow-wrap:anywhere}
</style></head><body><main>{{template "main" .}}</main></body></html>`

var (
	choicePage = pageOf(`<h1>Who are you?</h1><p>This is a simulated sign-in: pick anybody.</p>
<form method="get" role="search">{{range $name, $values := .Hidden}}{{range $values}}<input type="hidden" name="{{$name}}" value="{{.}}">{{end}}{{end}}
<input type="search" name="sim_search" value="{{.Search}}" placeholder="Name" aria-label="Name"></form>
<form method="post" action="{{.Action}}">
{{range .People}}<button name="user" value="{{.ID}}">{{if .DisplayName}}{{.DisplayName}}{{else}}{{.Name}}{{end}}<small>{{.Name}}</small></button>
{{else}}<p>Nobody has that name.</p>{{end}}
{{if .More}}<p>And {{.More}} more: search for them.</p>{{end}}
<button class="no" name="user" value="">Cancel</button></form>`)

	failurePage = pageOf(`<h1>Sorry, but we are having trouble signing you in.</h1><p><code>AADSTS{{.Number}}: {{.Words}}</code></p>`)

	leftPage = pageOf(`<h1>You signed out.</h1><p>It is a good idea to close all browser windows.</p>`)
)

func pageOf(main string) *template.Template {
	return template.Must(template.Must(template.New("page").Parse(frame)).New("main").Parse(main)).Lookup("page")
}

// Number and Words are what a page shows of a refusal.
func (f *refusal) Number() int { return f.code }

// Words is the text without the ids of the answer.
func (f *refusal) Words() string { return f.text }
