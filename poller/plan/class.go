package plan

// Class is what a presence says of how soon it will change. The zero Class knows nothing.
type Class uint8

const (
	Offline Class = iota + 1 // or not known to Graph
	Available
	Away
	Busy
	Meeting
	Call
	Disturb // do not disturb
	classes
)

// hazards is how many changes an hour a user in each class is assumed to make, until more is known. Guessed, and
// tried on simulated days only.
var hazards = [classes]float64{1, Offline: 0.1, Available: 1, Away: 3, Busy: 2, Meeting: 1, Call: 3, Disturb: 2}

// ClassOf returns the class of a presence as Graph spells it. An activity that says nothing more counts for nothing;
// an availability unheard of has the zero Class.
func ClassOf(availability, activity string) Class {
	switch activity {
	case "InACall", "InAConferenceCall":
		return Call
	case "InAMeeting":
		return Meeting
	}
	switch availability {
	case "Offline", "PresenceUnknown":
		return Offline
	case "Available", "AvailableIdle":
		return Available
	case "Away", "BeRightBack":
		return Away
	case "Busy", "BusyIdle":
		return Busy
	case "DoNotDisturb":
		return Disturb
	}
	return 0
}
