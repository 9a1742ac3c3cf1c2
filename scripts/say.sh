# Sourced by the scripts beside it: how they speak, and how they skip.

began=$SECONDS

step() { printf '\n=== %s (%ds)\n' "$*" $((SECONDS - began)); }

# skip says loudly what is not done. In CI nothing may be skipped.
skip() {
  printf '\n!!! SKIPPED: %s\n' "$*" >&2
  [ -z "${CI:-}" ] || exit 1
}
