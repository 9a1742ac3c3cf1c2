package graphsim

// Faults are the switches that make the tenant misbehave. A nil switch is off;
// the zero Faults are a well-behaved tenant. The package comment describes
// every key and its shorthands.
type Faults struct {
	Latency    *Latency    `json:"latency,omitempty"`
	Reset      *When       `json:"reset,omitempty"`
	Status     *Status     `json:"status,omitempty"`
	HTML       *HTML       `json:"html,omitempty"`
	RetryAfter *RetryAfter `json:"retryAfter,omitempty"`
	Limit      *Limit      `json:"limit,omitempty"`
	Count      *Count      `json:"count,omitempty"`

	Unauthorized *Unauthorized `json:"unauthorized,omitempty"`
	Forbidden    *When         `json:"forbidden,omitempty"`

	Cut         *Cut       `json:"cut,omitempty"`
	Malformed   *Malformed `json:"malformed,omitempty"`
	Oversize    *Oversize  `json:"oversize,omitempty"`
	Gzip        *When      `json:"gzip,omitempty"`
	WrongEntity *When      `json:"wrongEntity,omitempty"`
	Wrapped     *When      `json:"wrapped,omitempty"`
	InnerError  *InnerSpec `json:"innerError,omitempty"`

	Lag        *Lag     `json:"lag,omitempty"`
	Split      *Rows    `json:"split,omitempty"`
	Missing    *Rows    `json:"missing,omitempty"`
	Unknown    *Rows    `json:"unknown,omitempty"`
	Poison     *Poison  `json:"poison,omitempty"`
	Shuffle    *When    `json:"shuffle,omitempty"`
	Foreign    *Foreign `json:"foreign,omitempty"`
	Extra      *When    `json:"extra,omitempty"`
	LowerCamel *When    `json:"lowerCamel,omitempty"`
	Sparse     *When    `json:"sparse,omitempty"`
	NoContext  *When    `json:"noContext,omitempty"`
	Omit       *Omit    `json:"omit,omitempty"`
	NoSequence *When    `json:"noSequence,omitempty"`
	Government *When    `json:"government,omitempty"`
	IDs        *IDs     `json:"ids,omitempty"`

	SequenceReset *Once    `json:"sequenceReset,omitempty"`
	FrozenNumber  *Frozen  `json:"frozenNumber,omitempty"`
	Restamp       *Restamp `json:"restamp,omitempty"`

	EmptyPages  *When `json:"emptyPages,omitempty"`
	BareMembers *When `json:"bareMembers,omitempty"`
}

// When says which requests a switch strikes.
type When struct {
	Share   float64  `json:"share,omitempty"`   // probability for each request; 0 and 1: every one
	Count   int      `json:"count,omitempty"`   // switches itself off after so many; 0: never
	Seconds float64  `json:"seconds,omitempty"` // switches itself off after so long; 0: never
	Kinds   []string `json:"kinds,omitempty"`   // me, users, communications, batch, directory, token; none: the switch's usual ones
}

// Latency delays the answer by MS milliseconds and up to JitterMS more.
type Latency struct {
	MS       int `json:"ms"`
	JitterMS int `json:"jitterMs,omitempty"`
	When
}

// Status answers with an error status. RetryAfter is in seconds; without it
// 429 announces 10 s and the others nothing.
type Status struct {
	Status     int     `json:"status"`
	RetryAfter float64 `json:"retryAfter,omitempty"`
	When
}

// HTML answers with a page instead of JSON, as a proxy before Graph does.
type HTML struct {
	Status int `json:"status"`
	When
}

// RetryAfter says how every pause is announced: Form is seconds, date or
// absent; Seconds, if not 0, replaces the pause the window asks for.
type RetryAfter struct {
	Form    string  `json:"form,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`
}

// Limit throttles at fewer or more reads a window than the tenant was made for.
type Limit struct {
	Requests int `json:"requests"`
}

// Count says what the limit is for: By is requests, or ids (a batch counts as
// many as it names).
type Count struct {
	By string `json:"by,omitempty"`
}

const countRequests, countIDs = "requests", "ids"

// Unauthorized answers 401: the token's life is over, or (Claims) a claims
// challenge of continuous access evaluation.
type Unauthorized struct {
	Claims bool `json:"claims,omitempty"`
	When
}

// Cut closes the connection after After bytes of the body; 0: after half of it.
type Cut struct {
	After int `json:"after,omitempty"`
	When
}

// Malformed answers 200 with a body that is not what it should be: Form is
// truncated, garbage, empty, null, types (values of wrong types) or utf8.
type Malformed struct {
	Form string `json:"form,omitempty"`
	When
}

// Oversize pads the answer to at least Bytes bytes.
type Oversize struct {
	Bytes int64 `json:"bytes"`
	When
}

// InnerSpec spells error.innerError; Spelling is innerError or innererror.
type InnerSpec struct {
	Spelling string `json:"spelling"`
	When
}

// Lag answers reads from a replica that is MS milliseconds behind, its lower
// sequence numbers included.
type Lag struct {
	MS int `json:"ms"`
	When
}

// Rows strikes rows: those of IDs always, of the others each with probability
// Share.
type Rows struct {
	IDs   []string `json:"ids,omitempty"`
	Share float64  `json:"share,omitempty"`
	Kinds []string `json:"kinds,omitempty"`

	listed map[guid]bool
}

// Poison makes every read that names one of IDs, alone or among others, fail
// with Status.
type Poison struct {
	IDs    []string `json:"ids"`
	Status int      `json:"status,omitempty"`

	listed map[guid]bool
}

// Foreign adds rows that nobody asked for: every second one of a user of this
// tenant.
type Foreign struct {
	Rows int `json:"rows"`
	When
}

// Omit leaves properties out of rows.
type Omit struct {
	Properties []string `json:"properties"`
	When
}

// IDs says what becomes of ids that are no plain users, none of which Graph
// documents. Malformed is 400, omit or unknown (a PresenceUnknown row);
// Duplicate is once, repeat or 400; Unknown is omit, unknown or 404 (alone a
// user that is left out answers 404); Empty (no ids at all) is 400 or ok.
type IDs struct {
	Malformed string `json:"malformed,omitempty"`
	Duplicate string `json:"duplicate,omitempty"`
	Unknown   string `json:"unknown,omitempty"`
	Empty     string `json:"empty,omitempty"`
}

// Once is done when it is switched on.
type Once struct{}

// Frozen lets a share of the changes keep the user's sequence number.
type Frozen struct {
	Share float64 `json:"share,omitempty"`
}

// Restamp raises the sequence numbers of random users whose state stays equal.
type Restamp struct {
	PerSecond float64 `json:"perSecond"`
}
