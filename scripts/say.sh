# Sourced by the scripts beside it: how they speak, and how they skip.

began=$SECONDS

step() { printf '\n=== %s (%ds)\n' "$*" $((SECONDS - began)); }

# skip says loudly what is not done. In CI nothing may be skipped.
skip() {
  printf '\n!!! SKIPPED: %s\n' "$*" >&2
  [ -z "${CI:-}" ] || exit 1
}

# beside begins a command that runs beside others: beside NAME COMMAND... What it says is shown when it ends.
sides=() aside=$(mktemp -d)
beside() {
  local name=$1
  shift
  ("$@" >"$aside/$name" 2>&1) &
  sides+=("$name:$!")
}

# all_beside waits for what runs beside, shows what each said, and fails where one did.
all_beside() {
  local failed=0 side name
  for side in "${sides[@]}"; do
    name=${side%%:*}
    if wait "${side#*:}"; then
      step "$name"
    else
      step "$name FAILED"
      failed=1
    fi
    cat "$aside/$name"
  done
  rm -rf "$aside"
  return "$failed"
}
