# shellcheck shell=bash
# Removes what an update left behind that never reached the stack's state. Parameters: PROJECT, CONTAINER,
# UNIT (empty: the container itself).
: "${PROJECT:?}" "${CONTAINER:?}"

main() {
  exec 9>"/run/lock/veza/$PROJECT/$CONTAINER.lock"
  flock -w 120 9
  if [ -z "$UNIT" ]; then
    timeout 60 incus delete --force "$CONTAINER" --project "$PROJECT" </dev/null
    return 0
  fi
  # shellcheck disable=SC2016
  timeout 60 incus exec "$CONTAINER" --project "$PROJECT" --mode=non-interactive -- bash -euo pipefail -c '
    cd "/var/lib/veza/units/$1" 2>/dev/null || exit 0
    cat manifest manifest.new added 2>/dev/null | while IFS= read -r path; do rm -f "$path"; done
    rm -rf "$PWD"' remove "$UNIT" </dev/null
  timeout 30 incus config unset "$CONTAINER" "user.veza.unit.$UNIT" --project "$PROJECT" </dev/null
}
