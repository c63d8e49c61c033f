# shellcheck shell=bash
# Removes what an update left behind that never reached the stack's state. Goes with about-container.sh.
# Parameters: PROJECT, CONTAINER, UNIT (empty: the container itself).

# Also of a unit that failed before it was ever complete: then only manifest.new is there.
# shellcheck disable=SC2016
forget_files='
  directory=/var/lib/veza/units/$1
  [ -d "$directory" ] || exit 0
  for list in manifest manifest.new added; do
    [ -f "$directory/$list" ] || continue
    while IFS= read -r path; do rm -f "$path"; done <"$directory/$list"
  done
  rm -rf "$directory"'

main() {
  hold_lock
  look
  [ -n "$state" ] || return 0
  if [ -z "$UNIT" ]; then
    delete_container
    return 0
  fi
  [ "$state" = RUNNING ] || fail "this container is $state, so '$UNIT' cannot be removed from it. Start it: incus start $CONTAINER --project $PROJECT"
  timeout 60 incus exec "$CONTAINER" --project "$PROJECT" --mode=non-interactive -- \
    bash -euo pipefail -c "$forget_files" remove "$UNIT" </dev/null ||
    fail "'$UNIT' could not be removed from it, for the reason above"
  incus_ config unset "$CONTAINER" "user.veza.unit.$UNIT"
}
