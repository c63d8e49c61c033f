# shellcheck shell=bash
# Stops a container as a power cut would, or starts it again. Parameters: PROJECT, CONTAINER.
: "${PROJECT:?}" "${CONTAINER:?}"

main() { # stop | start
  local state
  state=$(timeout 30 incus list "^$CONTAINER\$" --project "$PROJECT" --format csv --columns s </dev/null)
  case $1:$state in
    *:) printf '%s/%s is not there\n' "$PROJECT" "$CONTAINER" >&2; exit 1 ;;
    stop:RUNNING) timeout 60 incus stop --force "$CONTAINER" --project "$PROJECT" </dev/null ;;
    start:STOPPED) timeout 60 incus start "$CONTAINER" --project "$PROJECT" </dev/null ;;
  esac
}
