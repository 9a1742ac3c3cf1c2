package graphsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// controls are the switches under /sim. Their errors are
// {"error":"what is wrong and where"}.
func (t *Tenant) controls() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, do func(r *http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			value, err := do(r)
			if err != nil {
				writeJSON(w, statusOf(err), map[string]string{"error": err.Error()})
				return
			}
			writeJSON(w, http.StatusOK, value)
		})
	}
	handle("GET /sim/stats", func(*http.Request) (any, error) { return t.Stats(), nil })
	handle("GET /sim/faults", func(*http.Request) (any, error) { return t.Faults(), nil })
	handle("PUT /sim/faults", func(r *http.Request) (any, error) { return t.putFaults(r, Faults{}) })
	handle("PATCH /sim/faults", func(r *http.Request) (any, error) { return t.putFaults(r, t.Faults()) })
	handle("DELETE /sim/faults", func(*http.Request) (any, error) { return Faults{}, t.SetFaults(Faults{}) })
	handle("POST /sim/reset", t.postReset)
	handle("GET /sim/users", t.listPeople)
	handle("GET /sim/users/{id}/presence", func(r *http.Request) (any, error) { return t.truthOf(r.PathValue("id")) })
	handle("PUT /sim/users/{id}/presence", t.putPresence)
	handle("DELETE /sim/users/{id}/presence", func(r *http.Request) (any, error) {
		if err := t.Release(r.PathValue("id")); err != nil {
			return nil, err
		}
		return t.truthOf(r.PathValue("id"))
	})
	handle("PUT /sim/groups/{id}/members/{user}", func(r *http.Request) (any, error) {
		return map[string]any{}, t.SetMember(r.PathValue("id"), r.PathValue("user"), true)
	})
	handle("DELETE /sim/groups/{id}/members/{user}", func(r *http.Request) (any, error) {
		return map[string]any{}, t.SetMember(r.PathValue("id"), r.PathValue("user"), false)
	})
	handle("GET /sim/changes", t.listChanges)
	mux.HandleFunc("GET /sim/truth", t.serveTruth)
	mux.HandleFunc("/sim/", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusNotFound, map[string]string{"error": "nothing answers " + r.Method + " " + r.URL.Path})
	})
	return mux
}

// mistake is an error of the caller's.
type mistake struct{ error }

func statusOf(err error) int {
	var m mistake
	var large *http.MaxBytesError
	switch {
	case errors.Is(err, ErrUnknownUser), errors.Is(err, ErrUnknownGroup):
		return http.StatusNotFound
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge
	case errors.As(err, &m):
		return http.StatusBadRequest
	}
	return http.StatusConflict
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error":"the answer has no JSON form"}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)+1))
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

// readStrict decodes a body of one JSON object; an unknown member is an error
// that names it. No body at all is an empty object.
func readStrict(r *http.Request, into any) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return mistake{err}
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return mistake{fmt.Errorf("body: %s", strings.TrimPrefix(err.Error(), "json: "))}
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return mistake{errors.New("body: something stands after the JSON object")}
	}
	return nil
}

func (t *Tenant) putFaults(r *http.Request, from Faults) (any, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, mistake{err}
	}
	f, err := mergeFaults(from, body)
	if err != nil {
		return nil, mistake{err}
	}
	if err := t.SetFaults(f); err != nil {
		return nil, err
	}
	return t.Faults(), nil
}

func (t *Tenant) postReset(r *http.Request) (any, error) {
	var reset Reset
	if err := readStrict(r, &reset); err != nil {
		return nil, err
	}
	if err := t.Reset(reset); err != nil {
		return nil, err
	}
	return t.Stats(), nil
}
