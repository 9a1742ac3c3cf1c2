#!/usr/bin/env bash
# Runs the pinned linter, which it builds once. Usage: lint.sh [--installed]: only say whether it is there.
set -euo pipefail
cd "$(dirname "$0")/.."
version=v2.15.0
folder=${XDG_CACHE_HOME:-$HOME/.cache}/presence-gateway/golangci-lint-$version
lint=$folder/golangci-lint
if [ "${1:-}" = --installed ]; then
  [ -x "$lint" ]
  exit
fi
if [ ! -x "$lint" ]; then
  echo "building golangci-lint $version, once"
  GOBIN=$folder GOFLAGS= go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$version"
fi
"$lint" run ./...
