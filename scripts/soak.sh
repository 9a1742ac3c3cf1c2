#!/usr/bin/env bash
# Long runs, for a night or a coffee: SOAK_FUZZ for each fuzz target, SOAK_COUNT times all tests with the race detector.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/say.sh
step "fuzz"
scripts/fuzz.sh "${SOAK_FUZZ:-5m}"
step "tests, again and again"
export PRESENCE_SOAK=${PRESENCE_SOAK:-3m} # of faults that come and go, in the crowd test; floods are measured for longer, too
go test -race -count "${SOAK_COUNT:-20}" -timeout 120m ./...
step "done"
