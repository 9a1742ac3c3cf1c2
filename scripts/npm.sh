#!/usr/bin/env bash
# The npm package. Usage: npm.sh build (bin/presence-gateway-client-VERSION.tgz, for npm install) | npm.sh test (as its users meet it)
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/need.sh npm
[ -d web/node_modules/esbuild ] || (cd web && npm ci --no-audit --no-fund)

case ${1:-build} in
build) node web/npm/build.mjs bin ;;
test) node --test-reporter=spec web/npm/package.test.mjs ;;
*)
  echo "usage: npm.sh build|test" >&2
  exit 2
  ;;
esac
