#!/usr/bin/env bash
# Long runs, for a night or a coffee: SOAK_FUZZ for each fuzz target, SOAK_SEEDS of a simulated fleet in trouble, SOAK_COUNT times all
# tests with the race detector, 10,000 clients of two replicas, pages that are open for SOAK_MINUTES, and the example that takes
# SharePoint's own tools.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/say.sh
step "fuzz"
scripts/fuzz.sh "${SOAK_FUZZ:-5m}"
step "a fleet in trouble, ${SOAK_SEEDS:-10000} seeds"
PRESENCE_FLEET_SEEDS=${SOAK_SEEDS:-10000} go test ./hub/fleet -run '^TestFleet$' -v -timeout 120m | grep -v '^=== '
step "tests, again and again"
export PRESENCE_SOAK=${PRESENCE_SOAK:-3m} # of faults that come and go, in the crowd test; floods are measured for longer, too
go test -race -count "${SOAK_COUNT:-20}" -timeout 120m ./...
step "ten thousand clients, and replicas that are killed and restarted"
PRESENCE_ROLLING=10000 go test -count 1 -timeout 15m -run '^TestRollingRestart$' -v ./cmd/presence-gateway | grep -v '"level"'
step "pages open for an hour"
MINUTES=${SOAK_MINUTES:-60} scripts/web.sh bench memory
step "the SharePoint example"
scripts/examples.sh sharepoint
step "done"
