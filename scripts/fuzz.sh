#!/usr/bin/env bash
# Runs every fuzz target for a while. Usage: fuzz.sh TIME
set -euo pipefail
cd "$(dirname "$0")/.."
each=${1:-30s}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# The engine sometimes reports its own time limit as a failure of the target (golang.org/issue/56238): only that is
# forgiven, and once.
forgive() { grep -q 'context deadline exceeded' "$log" && ! grep -q 'Failing input' "$log"; }

grep -rl --include='*_test.go' '^func Fuzz' cmd gateway hub internal poller web 2>/dev/null | grep -v node_modules | xargs -n1 dirname | sort -u | while read -r dir; do
  grep -ho '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | sed 's/^func //' | sort -u | while read -r target; do
    printf '%s %s: ' "$dir" "$target"
    run() { go test -run '^$' -fuzz "^$target\$" -fuzztime "$each" "./$dir" >"$log" 2>&1; }
    run || { forgive && run; } || { cat "$log"; exit 1; }
    grep -o 'execs: [0-9]*' "$log" | tail -1 || true
  done
done
