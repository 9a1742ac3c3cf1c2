package authority

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// refusal is an answer of the token endpoint that is no token.
type refusal struct {
	status int
	name   string // OAuth's error
	code   int    // Entra's, behind AADSTS
	text   string
}

// refusalBody is Entra's error body.
type refusalBody struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
	Codes       []int  `json:"error_codes"`
	Timestamp   string `json:"timestamp"`
	Trace       string `json:"trace_id"`
	Correlation string `json:"correlation_id"`
	URI         string `json:"error_uri"`
}

func (f *refusal) write(w http.ResponseWriter) {
	body := refusalBody{
		Error: f.name, Codes: []int{f.code}, Timestamp: time.Now().UTC().Format("2006-01-02 15:04:05Z"), Trace: guid(), Correlation: guid(),
		URI: fmt.Sprintf("https://login.microsoftonline.com/error?code=%d", f.code),
	}
	body.Description = fmt.Sprintf("%s Trace ID: %s Correlation ID: %s Timestamp: %s", f.description(), body.Trace, body.Correlation, body.Timestamp)
	writeJSON(w, f.status, body)
}

func (f *refusal) description() string { return fmt.Sprintf("AADSTS%d: %s", f.code, f.text) }

func writeJSON(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError) // unreachable: strings and numbers only
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	w.Write(text)
}
