# shellcheck shell=bash
# A storage volume whose files outlive containers: made when it is not there, used as it is when it is.
# Parameters: PROJECT, VOLUME, STORAGE (pool), KEEP (keep | remove: what `delete` does), SIZE (e.g. 5GiB; empty: as large
# as the pool). The volume remembers KEEP and SIZE as they were last applied (user.veza.volume), and by that it is known
# as this program's.
: "${PROJECT:?}" "${VOLUME:?}" "${STORAGE:?}" "${KEEP:?}" "${SIZE?}"

fail() { printf 'volume %s: %s\n' "$PROJECT/$VOLUME" "$1" >&2; exit 1; }

volume_() { # VERB, words after the pool
  local verb=$1
  shift
  timeout 60 incus storage volume "$verb" "$STORAGE" "$@" --project "$PROJECT" </dev/null
}

# Sets `mark` to what the volume remembers, and says whether it is there. A look that failed is no answer.
look() {
  local listed
  listed=$(volume_ list --format csv --columns tn) ||
    fail "Incus does not answer on $(hostname) for storage pool '$STORAGE', for the reason above. Nothing was changed. See: systemctl status incus"
  mark=
  grep -qxF "custom,$VOLUME" <<<"$listed" || return 1
  mark=$(volume_ get "$VOLUME" user.veza.volume)
}

apply() {
  local wanted="$KEEP${SIZE:+ $SIZE}"
  if ! look; then
    volume_ create "$VOLUME" "user.veza.volume=$wanted" ${SIZE:+"size=$SIZE"} >/dev/null ||
      fail "Incus could not make it in pool '$STORAGE', for the reason above"
    return 0
  fi
  [ -n "$mark" ] ||
    fail "a volume of this name is there and was not made by this program. Nothing was changed. Rename it (incus storage volume rename $STORAGE $VOLUME NEW --project $PROJECT), or hand it over with all that is in it: incus storage volume set $STORAGE $VOLUME user.veza.volume=adopted --project $PROJECT"
  [ "$mark" != "$wanted" ] || return 0
  volume_ set "$VOLUME" "user.veza.volume=$wanted" "size=$SIZE" ||
    fail "Incus refused the size '$SIZE', for the reason above. The volume is as it was"
}

remove() {
  look || return 0
  if [ "$KEEP" = keep ]; then
    printf 'volume %s was kept with all that is in it: on %s, project %s, pool %s. This removes it for good: incus storage volume delete %s %s --project %s\n' \
      "$VOLUME" "$(hostname)" "$PROJECT" "$STORAGE" "$STORAGE" "$VOLUME" "$PROJECT"
    return 0
  fi
  # Incus refuses while a container has it.
  volume_ delete "$VOLUME" >/dev/null ||
    fail "it was not removed, for the reason above. What uses it: incus storage volume info $STORAGE $VOLUME --project $PROJECT"
}

main() { # apply | delete
  mkdir -p /run/veza/lock
  exec 9>"/run/veza/lock/volume-$PROJECT-$VOLUME"
  flock -w 60 9 || fail "another change to it has been going on for 60 s. Nothing was changed; try again when it has ended"
  case $1 in
    apply) apply 9>&- ;;
    delete) remove 9>&- ;;
  esac
}
