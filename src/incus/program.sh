# shellcheck shell=bash
# Runs a program inside a container, on the host that has it, and remembers nothing. Goes with about-container.sh.
# Parameters: PROJECT, CONTAINER, COMMAND (one word a line), LIMIT (seconds), BECAUSE (what it works on, for the reader).
: "${COMMAND:?}" "${LIMIT:?}" "${BECAUSE?}"

main() { # apply
  local command status=0
  [ "$1" = apply ] || return 0
  mapfile -t command <<<"$COMMAND"
  look
  must_run "'${command[*]}' cannot be run in it"
  # Not the container's lock: a program may take minutes, and others only wait two for that one. What this one does to
  # the container is its own affair, under locks of its own. The file is open for as long as it is at work, so that the
  # next update sees that something still is when this one was killed.
  mkdir -p "/run/veza/lock/$PROJECT"
  exec 9>"/run/veza/lock/$PROJECT/$CONTAINER.program"
  # Inside, one at a time: what a killed update started goes on without its client, for LIMIT seconds at most.
  # shellcheck disable=SC2016
  timeout --kill-after=5 "$((2 * LIMIT + 30))" incus exec "$CONTAINER" --project "$PROJECT" --mode=non-interactive -- \
    flock --wait "$((LIMIT + 10))" --conflict-exit-code 213 /run/veza-program.lock \
    sh -c 'status=0; timeout --kill-after=5 "$@" || status=$?; sleep 0.05; exit "$status"' program "$LIMIT" "${command[@]}" \
    </dev/null 9>&- || status=$?
  case $status in
    0) ;;
    213) fail "a program that an earlier update started in this container is still at work after $((LIMIT + 10)) s, so '${command[*]}' was not run. Run bin/pulumi up again when it has ended" ;;
    124 | 137) fail "'${command[*]}' did not end within its limit of $LIMIT s and was stopped. Run bin/pulumi up again; it starts over" ;;
    *) fail "'${command[*]}' failed (exit status $status); the reason is above. bin/pulumi up runs it again" ;;
  esac
}
