#!/usr/bin/env bash
# Makes sure that tools are there: installs Debian's where they are missing and it may (root, apt-get).
# Usage: need.sh npm|chromium|redis|toxiproxy ... ; fails, saying what to install, if one cannot be had.
set -euo pipefail

install() {
  command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] || return 1
  if [ -z "${updated:-}" ]; then
    apt-get update -qq >/dev/null || true # an old list may still do
    updated=1
  fi
  echo "installing $*" >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

# A tool that Go builds, once, into the cache.
build() { # MODULE VERSION COMMAND
  local folder=${XDG_CACHE_HOME:-$HOME/.cache}/presence-gateway/$1-$2
  [ -n "$(ls "$folder" 2>/dev/null)" ] && return
  echo "building $1 $2, once" >&2
  GOBIN=$folder GOFLAGS='' go install "$3@$2"
}

for tool; do
  case $tool in
  toxiproxy)
    build toxiproxy v2.12.0 github.com/Shopify/toxiproxy/v2/cmd/server
    continue
    ;;
  redis)
    if command -v redis-server >/dev/null && command -v redis-sentinel >/dev/null; then continue; fi
    if ! install redis-server redis-sentinel redis-tools; then
      echo "redis is missing and could not be installed: install redis-server, redis-sentinel and redis-tools" >&2
      exit 1
    fi
    continue
    ;;
  chromium) commands=(chromium chromium-browser google-chrome) packages=(chromium) ;;
  npm) commands=(npm) packages=(nodejs npm) ;;
  python3-websockets)
    if /usr/bin/python3 -c "import websockets" 2>/dev/null; then continue; fi
    if ! install python3-websockets; then
      echo "python3-websockets is missing and could not be installed" >&2
      exit 1
    fi
    continue
    ;;
  *) commands=("$tool") packages=("$tool") ;;
  esac
  found=
  for command in "${commands[@]}"; do
    if command -v "$command" >/dev/null; then found=1; fi
  done
  if [ -z "$found" ] && ! install "${packages[@]}"; then
    echo "$tool is missing and could not be installed: install ${packages[*]}" >&2
    exit 1
  fi
done
