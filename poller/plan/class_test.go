package plan_test

import (
	"testing"

	"github.com/presence-gateway/presence-gateway/poller/plan"
)

func TestClassOf(t *testing.T) {
	for _, c := range []struct {
		availability, activity string
		want                   plan.Class
	}{
		{"Available", "Available", plan.Available},
		{"Available", "OutOfOffice", plan.Available},
		{"AvailableIdle", "Inactive", plan.Available},
		{"Away", "Away", plan.Away},
		{"BeRightBack", "BeRightBack", plan.Away},
		{"Busy", "Busy", plan.Busy},
		{"BusyIdle", "InAMeeting", plan.Meeting},
		{"Busy", "InAMeeting", plan.Meeting},
		{"Busy", "InACall", plan.Call},
		{"Busy", "InAConferenceCall", plan.Call},
		{"DoNotDisturb", "Presenting", plan.Disturb},
		{"DoNotDisturb", "UrgentInterruptionsOnly", plan.Disturb},
		{"Offline", "OffWork", plan.Offline},
		{"PresenceUnknown", "PresenceUnknown", plan.Offline},
		{"Somewhere", "Else", 0},
		{"", "", 0},
	} {
		if got := plan.ClassOf(c.availability, c.activity); got != c.want {
			t.Errorf("%s, %s: class %d, want %d", c.availability, c.activity, got, c.want)
		}
	}
}
