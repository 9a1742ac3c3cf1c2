package graphsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// handSet is the body of PUT /sim/users/{id}/presence. What is left out stays,
// null clears; the texts may also come in Graph's own shapes.
type handSet struct {
	Availability        *string         `json:"availability"`
	Activity            *string         `json:"activity"`
	OutOfOffice         *bool           `json:"outOfOffice"`
	OutOfOfficeMessage  *string         `json:"outOfOfficeMessage"`
	OutOfOfficeSettings json.RawMessage `json:"outOfOfficeSettings"`
	StatusMessage       json.RawMessage `json:"statusMessage"`
	WorkLocation        json.RawMessage `json:"workLocation"`
	SequenceNumber      string          `json:"sequenceNumber"`
	KeepNumber          bool            `json:"keepNumber"`
	PinSeconds          *float64        `json:"pinSeconds"`
}

func (t *Tenant) putPresence(r *http.Request) (any, error) {
	var h handSet
	if err := readStrict(r, &h); err != nil {
		return nil, err
	}
	if err := t.set(r.PathValue("id"), func(who *resident) (setting, error) { return h.apply(who.now.content.state, t.o.Pin) }); err != nil {
		return nil, err
	}
	return t.truthOf(r.PathValue("id"))
}

func (h *handSet) apply(s State, pin time.Duration) (setting, error) {
	to := setting{keep: h.KeepNumber, pin: pin}
	if h.SequenceNumber != "" {
		n, ok := parseNumber(h.SequenceNumber)
		if !ok {
			return to, mistake{fmt.Errorf("sequenceNumber: %q is not of the form A0129311063", h.SequenceNumber)}
		}
		to.number = n
	}
	if h.PinSeconds != nil {
		if !(*h.PinSeconds >= 0 && *h.PinSeconds <= 1e9) {
			return to, mistake{errors.New("pinSeconds: want 0 to 1000000000")}
		}
		to.pin = time.Duration(*h.PinSeconds * float64(time.Second))
	}
	if h.Availability != nil {
		s.Availability = *h.Availability
		s.Activity = *h.Availability
	}
	if h.Activity != nil {
		s.Activity = *h.Activity
	}
	if s.Availability == "" || s.Activity == "" {
		return to, mistake{errors.New("availability and activity must not be empty")}
	}
	if err := h.outOfOffice(&s); err != nil {
		return to, err
	}
	if err := h.statusMessage(&s); err != nil {
		return to, err
	}
	if err := h.workLocation(&s); err != nil {
		return to, err
	}
	to.state = s
	return to, nil
}

func (h *handSet) outOfOffice(s *State) error {
	if h.OutOfOffice != nil {
		if s.OutOfOffice = *h.OutOfOffice; !s.OutOfOffice {
			s.OutOfOfficeMessage = ""
		}
	}
	if h.OutOfOfficeMessage != nil {
		s.OutOfOfficeMessage = *h.OutOfOfficeMessage
	}
	if h.OutOfOfficeSettings == nil {
		return nil
	}
	var v struct {
		Is      bool   `json:"isOutOfOffice"`
		Message string `json:"message"`
	}
	if err := strictly(h.OutOfOfficeSettings, &v); err != nil {
		return mistake{fmt.Errorf("outOfOfficeSettings: %w", err)}
	}
	s.OutOfOffice, s.OutOfOfficeMessage = v.Is, v.Message
	return nil
}

func (h *handSet) statusMessage(s *State) error {
	if h.StatusMessage == nil || json.Unmarshal(h.StatusMessage, &s.StatusMessage) == nil {
		if string(h.StatusMessage) == "null" {
			s.StatusMessage = ""
		}
		return nil
	}
	var v struct {
		Message struct {
			Content     string `json:"content"`
			ContentType string `json:"contentType"`
		} `json:"message"`
	}
	if err := strictly(h.StatusMessage, &v); err != nil {
		return mistake{fmt.Errorf("statusMessage: %w", err)}
	}
	s.StatusMessage = v.Message.Content
	return nil
}

func (h *handSet) workLocation(s *State) error {
	if h.WorkLocation == nil {
		return nil
	}
	var v Place
	if err := strictly(h.WorkLocation, &v); err != nil {
		return mistake{fmt.Errorf("workLocation: %w", err)}
	}
	if v != (Place{}) {
		fill(&v.Type, "unspecified")
		fill(&v.Source, "none")
	}
	s.WorkLocation = v
	return nil
}

func strictly(raw json.RawMessage, into any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}
