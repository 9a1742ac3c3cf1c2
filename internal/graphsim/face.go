package graphsim

// face is what a day makes of somebody, as small numbers: pairs, notes,
// absences and places are told apart by their index in the tables below.
type face struct{ pair, note, absence, place uint8 }

const (
	asOffline uint8 = iota
	asOffWork
	asAvailable
	asAvailableInactive
	asAvailableIdle
	asAway
	asAwayInactive
	asBeRightBack
	asBusy
	asBusyIdle
	asInACall
	asInAConferenceCall
	asInAMeeting
	asDoNotDisturb
	asPresenting
	asFocusing
	asUrgentOnly
	asAvailableOut
	asBusyOut
	asAwayOut
	asOfflineOut
	asUnknown
)

// pairs are the documented combinations, and two that only turn up:
// AvailableInactive is what a set presence fades to, Focusing stands in the
// newer lists alone.
var pairs = [...][2]string{
	asOffline:           {"Offline", "Offline"},
	asOffWork:           {"Offline", "OffWork"},
	asAvailable:         {"Available", "Available"},
	asAvailableInactive: {"Available", "AvailableInactive"},
	asAvailableIdle:     {"AvailableIdle", "Inactive"},
	asAway:              {"Away", "Away"},
	asAwayInactive:      {"Away", "Inactive"},
	asBeRightBack:       {"BeRightBack", "BeRightBack"},
	asBusy:              {"Busy", "Busy"},
	asBusyIdle:          {"BusyIdle", "Inactive"},
	asInACall:           {"Busy", "InACall"},
	asInAConferenceCall: {"Busy", "InAConferenceCall"},
	asInAMeeting:        {"Busy", "InAMeeting"},
	asDoNotDisturb:      {"DoNotDisturb", "DoNotDisturb"},
	asPresenting:        {"DoNotDisturb", "Presenting"},
	asFocusing:          {"DoNotDisturb", "Focusing"},
	asUrgentOnly:        {"DoNotDisturb", "UrgentInterruptionsOnly"},
	asAvailableOut:      {"Available", "OutOfOffice"},
	asBusyOut:           {"Busy", "OutOfOffice"},
	asAwayOut:           {"Away", "OutOfOffice"},
	asOfflineOut:        {"Offline", "OutOfOffice"},
	asUnknown:           {"PresenceUnknown", "PresenceUnknown"},
}

// The first of each table is nothing.
var notes = [...]string{"",
	"Heads down until noon", "In the lab today", "Working from the train ☕", "Ask me about the release", "Back at 14:00",
	"On call this week", "Bin ab 15 Uhr erreichbar", "En réunion client", "Quarter close – please be patient", "Fuera de mi escritorio",
	"Reviewing budgets", "Say \"hi\" if you are in the office", "今日はリモートです", "Please mail me\nI read it twice a day", "🌱 Planting trees with the team"}

var absences = [...]string{"",
	"I am out of the office until Monday. For urgent matters please contact my team.",
	"On parental leave. My colleagues will gladly help you.",
	"Je suis en congé jusqu'à la fin de la semaine.",
	"Ich bin bis Freitag nicht im Büro und lese keine E-Mails.",
	"Attending a conference; answers may take a day.",
	"Estoy de vacaciones. Para temas urgentes, llame a la centralita."}

var places = [...]Place{{},
	{Type: "office", Source: "scheduled", PlaceID: "eb706f15-137e-4722-b4d1-b601481d9251"},
	{Type: "office", Source: "automatic", PlaceID: "1d0c1a52-5c1c-4d8c-a3a8-1f1a2f1b7c11"},
	{Type: "office", Source: "manual"},
	{Type: "remote", Source: "scheduled"},
	{Type: "remote", Source: "manual"},
	{Type: "timeOff", Source: "scheduled"},
	{Type: "unspecified", Source: "none"}}

const placeTimeOff = 6

func (f face) state() State {
	return State{
		Availability:       pairs[f.pair][0],
		Activity:           pairs[f.pair][1],
		OutOfOffice:        f.absence != 0,
		OutOfOfficeMessage: absences[f.absence],
		StatusMessage:      notes[f.note],
		WorkLocation:       places[f.place],
	}
}
