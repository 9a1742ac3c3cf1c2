#!/usr/bin/env bash
# Builds the image with whatever builder is there.
set -euo pipefail
cd "$(dirname "$0")/.."
builder=docker
command -v docker >/dev/null || builder=podman
command -v "$builder" >/dev/null || builder=buildah
exec "$builder" build -t presence-gateway --build-arg "COMMIT=$(git rev-parse HEAD 2>/dev/null || echo unknown)" .
