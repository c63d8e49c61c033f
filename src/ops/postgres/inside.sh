# shellcheck shell=bash
# Opens a shell in a container and passes on what it is told, line by line on standard input. Goes with step.sh.
# Parameters: CONTAINER, INSIDE (what runs in there: does what each line says, and prints `end` before the first one and
# after each), LIMIT (seconds for all).
: "${CONTAINER:?}" "${INSIDE:?}" "${LIMIT:?}"

main() {
  local status=0
  timeout --kill-after=5 "$LIMIT" incus exec "$CONTAINER" --project "$PROJECT" --mode=non-interactive -- \
    bash -euo pipefail -c "$INSIDE" < <(told) 9>&- || status=$?
  case $status in
    # What is still on standard input is not for this shell.
    0) exit 0 ;;
    124 | 137) fail "$CONTAINER: that did not end within $LIMIT s. It may still be at work; bin/veza topology shows what came of it" ;;
    127) fail "$CONTAINER has no program /usr/local/lib/veza/postgres: bin/pulumi up brings it" ;;
    *) fail "$CONTAINER: that failed (exit status $status), for the reason above" ;;
  esac
}

# It is opened ahead of time, so the step begins with the first line. Without one, nothing is done.
told() {
  local line
  IFS= read -r line || return 0
  begin shared
  printf '%s\n' "$line"
  # Whoever waits for this script does not wait for more to be told.
  exec cat 2>/dev/null 9>&-
}
