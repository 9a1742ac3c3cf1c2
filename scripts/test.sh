#!/usr/bin/env bash
# Everything that must be green before a change lands, on any machine with Go.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/say.sh

# Compiled meanwhile, out of everybody's way, and waited for before anything measures.
scripts/sdk.sh build &
sdk=$!
trap 'kill $sdk 2>/dev/null || true' EXIT

step "gofmt and go vet"
unformatted=$(gofmt -l cmd docs e2e gateway hub internal poller web/*.go)
if [ -n "$unformatted" ]; then
  printf 'not formatted, run gofmt -w on:\n%s\n' "$unformatted" >&2
  exit 1
fi
go vet ./...

step "go mod: nothing missing, nothing left over"
go mod tidy -diff

step "a real Redis, and npm, for the tests that want them"
scripts/need.sh redis toxiproxy npm || skip "tests with a real Redis, a cut wire or Node"

step "go test -race"
go test -race -timeout 15m $(go list ./... | grep -v /cmd/)

step "the official SDKs against the real program"
wait $sdk
scripts/sdk.sh test

step "real processes that measure, alone on the machine"
measuring='^(TestCrowdThroughFaults|TestAdaptiveFreshness|TestFloods|TestRollingRestart|TestWatchTable)$'
go test -timeout 15m -run "$measuring" ./cmd/...

step "side by side, for none of it measures: the other real processes, fuzz targets, web, descriptions, lint"
beside processes go test -timeout 15m -parallel 4 -skip "$measuring" ./cmd/...
beside fuzz scripts/fuzz.sh "${FUZZTIME:-2s}"
if scripts/need.sh npm; then
  beside web scripts/web.sh test
  beside descriptions scripts/descriptions.sh
else
  skip "web and descriptions: no npm"
fi
if [ -n "${CI:-}" ] || scripts/lint.sh --installed; then
  beside lint scripts/lint.sh
else
  echo "lint is not installed here: make lint installs it (two minutes) and make test runs it from then on"
fi
all_beside

step "all green"
