#!/usr/bin/env bash
# Makes sure that tools are there: installs Debian's where they are missing and it may (root, apt-get).
# Usage: need.sh npm|chromium ... ; fails, saying what to install, if one cannot be had.
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

for tool; do
  case $tool in
  chromium) commands=(chromium chromium-browser google-chrome) packages=(chromium) ;;
  npm) commands=(npm) packages=(nodejs npm) ;;
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
