# shellcheck shell=bash
# Runs a script inside several containers of this host, all at the same time.
# Parameters: PROJECT, CALLS (a line for each container: its name, then the script's arguments), INSIDE (the script),
# LIMIT (seconds for each).
# Prints for each a line `=== CONTAINER STATUS` and what the script said. A container that does not run has status 1.
: "${PROJECT:?}" "${CALLS:?}" "${INSIDE:?}" "${LIMIT:?}"

# Incus can lose what is printed inside: a script without its end is run again.
inside() { # CONTAINER ARGUMENT...
  local name=$1 said status
  shift
  for _ in 1 2 3; do
    status=0
    said=$(timeout --kill-after=5 "$LIMIT" incus exec "$name" --project "$PROJECT" --mode=non-interactive -- \
      bash -euo pipefail -s "$@" <<<"$INSIDE" 2>&1) || status=$?
    if [ "$status" != 0 ] || [ "${said##*$'\n'}" = end ]; then break; fi
  done
  if [ "$status" = 124 ] || [ "$status" = 137 ]; then said+=$'\n'"it did not end within $LIMIT s"; fi
  said=${said%end}
  printf '=== %s %s\n%s\n' "$name" "$status" "$said"
}

main() {
  local states name arguments state directory
  states=$(timeout 30 incus list --project "$PROJECT" --format csv --columns ns </dev/null)
  directory=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "rm -rf '$directory'" EXIT
  while read -r name arguments; do
    state=$(awk -F, -v name="$name" '$1 == name { print $2 }' <<<"$states")
    # shellcheck disable=SC2086 # arguments are words
    case $state in
      RUNNING) inside "$name" $arguments >"$directory/$name" & ;;
      '') printf '=== %s 1\nthis container is not there: bin/pulumi up makes it\n' "$name" ;;
      *) printf '=== %s 1\nthis container is %s. Start it: incus start %s --project %s\n' "$name" "$state" "$name" "$PROJECT" ;;
    esac
  done <<<"$CALLS"
  wait
  find "$directory" -type f -exec cat {} +
}
