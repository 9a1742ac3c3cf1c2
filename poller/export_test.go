package poller

// ParseIDs is for fuzzing.
var ParseIDs = parseIDs
