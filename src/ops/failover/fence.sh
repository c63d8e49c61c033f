# shellcheck shell=bash
# Stops a node's container for good: as a power cut would, and it does not start with its host again. Goes with
# postgres/step.sh. Parameters: CONTAINER. Ends well only where that is seen to be so.
: "${CONTAINER:?}"

incus_() { timeout 90 incus "$@" --project "$PROJECT" </dev/null; }

main() {
  begin shared
  local state
  state=$(incus_ list "^$CONTAINER\$" --format csv --columns s)
  [ -n "$state" ] || return 0
  incus_ config set "$CONTAINER" boot.autostart=false
  [ "$state" = STOPPED ] || incus_ stop --force "$CONTAINER"
  state=$(incus_ list "^$CONTAINER\$" --format csv --columns s)
  [ "$state" = STOPPED ] || fail "$CONTAINER is $state and not STOPPED, so it could still take writes. Nothing was promoted"
  [ "$(incus_ config get "$CONTAINER" boot.autostart)" = false ] || fail "$CONTAINER would start with its host again. Nothing was promoted"
}
