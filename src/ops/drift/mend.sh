# shellcheck shell=bash
# Takes away from a container what applying its units again does not, and starts it. Goes with about-container.sh.
# Parameters: PROJECT, CONTAINER; START, PROFILES (yes: start it; take its profiles away), UNSET (config keys), REMOVE
# (files in it) and RESTART (`UNIT SERVICE`, services that the next application of a unit has to restart), one a line.
: "${START:?}" "${PROFILES:?}" "${UNSET?}" "${REMOVE?}" "${RESTART?}"

start() {
  case $state in
    RUNNING) ;;
    FROZEN) incus_ resume "$CONTAINER" ;;
    *) incus_ start "$CONTAINER" ;;
  esac || fail "it could not be started, for the reason above. See: incus info $CONTAINER --project $PROJECT --show-log"
}

# shellcheck disable=SC2016
inside='
  while IFS= read -r path; do
    [ -n "$path" ] || continue
    rm -f -- "$path"
    case $path in *.d/*) rmdir --ignore-fail-on-non-empty -- "${path%/*}" ;; esac
  done <<<"$1"
  while read -r unit service; do
    [ -n "$unit" ] || continue
    mkdir -p "/var/lib/veza/units/$unit"
    printf "%s\n" "$service" >>"/var/lib/veza/units/$unit/restart"
  done <<<"$2"
  systemctl daemon-reload'

main() {
  local key
  hold_lock
  look
  [ -n "$state" ] || return 0
  if [ "$START" = yes ]; then
    start
    wait_for_init
    look
  fi
  while IFS= read -r key; do [ -z "$key" ] || incus_ config unset "$CONTAINER" "$key"; done <<<"$UNSET"
  [ "$PROFILES" = no ] || incus_ profile assign "$CONTAINER" '' >/dev/null
  [ -n "$REMOVE$RESTART" ] || return 0
  must_run 'nothing can be removed from it'
  timeout 60 incus exec "$CONTAINER" --project "$PROJECT" --mode=non-interactive -- \
    bash -euo pipefail -c "$inside" mend "$REMOVE" "$RESTART" </dev/null 9>&- ||
    fail 'files could not be removed from it, for the reason above'
}
