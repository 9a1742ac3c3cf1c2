#!/usr/bin/env bash
# Prints the figures. BENCHTIME bounds each benchmark, 1s if not set; BENCH chooses some by a pattern.
set -euo pipefail
cd "$(dirname "$0")/.."
go version
nproc 2>/dev/null | sed 's/$/ cores/' || true
go test -run '^$' -bench "${BENCH:-.}" -benchtime "${BENCHTIME:-1s}" -benchmem -timeout 30m -p 1 ./... | grep -v -e '^?' -e '^PASS$' -e 'no test files'
echo "the official SDK for Go, against the gateway and against the tenant, over TLS"
(cd e2e/sdk && go test -run '^$' -bench "${BENCH:-.}" -benchtime "${BENCHTIME:-1s}" . | grep Benchmark || true)
