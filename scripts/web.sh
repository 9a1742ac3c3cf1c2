#!/usr/bin/env bash
# The browser's side. Usage: web.sh build (web/dist, to be committed) | web.sh test (types, dist as committed, tests, a browser)
# | web.sh bench [NAME...] (figures of pages in a real browser, printed; all benches, or those named here or in WEB_BENCH)
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/say.sh
scripts/need.sh npm

cd web
# npm ci wipes what is there: only needed when the lock file is not what was installed.
stamp=node_modules/.installed
if ! cmp -s package-lock.json "$stamp"; then
  npm ci --no-audit --no-fund
  cp package-lock.json "$stamp"
fi

case ${1:-test} in
build)
  npm run build
  ;;
test)
  npm run check
  npm test
  step "the npm package"
  ../scripts/npm.sh test
  if ! ../scripts/need.sh chromium; then
    skip "browser tests: no chromium"
    exit 0
  fi
  make -s -C .. build
  step "the examples"
  ../scripts/examples.sh check
  CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
  export CHROMIUM
  step "in a browser: two at a time, for they mostly wait"
  # shellcheck disable=SC2016 # for the shell that xargs starts
  printf '%s\n' e2e/*.test.mjs | xargs -P 2 -I{} bash -c '
    said=$(node --test-reporter=spec {} 2>&1) && failed=0 || failed=1
    printf "\n--- %s\n%s\n" {} "$said"
    exit $failed'
  ;;
bench)
  ../scripts/need.sh chromium redis openssl
  make -s -C .. build
  CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
  export CHROMIUM
  [ -d bench/mgt/node_modules ] || npm ci --prefix bench/mgt --no-audit --no-fund
  shift
  names=("$@")
  [ $# -gt 0 ] || read -ra names <<<"${WEB_BENCH:-weight start paint crowd scroll memory mgt}"
  for name in "${names[@]}"; do
    step "$name"
    node --test-reporter=./bench/plain.mjs "bench/$name.mjs"
  done
  ;;
*)
  echo "usage: web.sh build|test|bench" >&2
  exit 2
  ;;
esac
