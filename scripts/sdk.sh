#!/usr/bin/env bash
# The official SDKs for Graph against the real program, in a module of their own (e2e/sdk). Usage: sdk.sh build | test
# Building the SDK for Go takes four minutes of processor time and 4 GB of memory the first time; later it is cached.
set -euo pipefail
cd "$(dirname "$0")/../e2e/sdk"
case ${1:-test} in
build)
  nice -n 19 go test -p 1 -c -o /dev/null .
  ;;
test)
  ../../scripts/need.sh npm || true # the tests say what they leave out, and in CI leave out nothing
  go test -count=1 -timeout 5m ./...
  ;;
*)
  echo "usage: sdk.sh build|test" >&2
  exit 2
  ;;
esac
