# shellcheck shell=bash
# Runs BODY inside a container, on the host that has it. Goes with about-container.sh. Parameters: PROJECT, CONTAINER, UNIT, LIMIT (seconds), BODY;
# optional: PUSH_FROM (file on the host) and PUSH_TO (where the container needs it before BODY runs).
# The container's configuration remembers which version of a unit is in it (user.veza.unit.UNIT): `pending DIGEST`
# while it is being applied, `DIGEST` afterwards. It goes with the container, so a new container remembers nothing.
: "${UNIT:?}" "${LIMIT:?}" "${BODY:?}"

remember() { # VALUE
  timeout 30 incus config set "$CONTAINER" "user.veza.unit.$UNIT=$1" --project "$PROJECT" </dev/null ||
    fail "Incus could not note in this container's configuration what is applied to it; what it said is above, and a full disk is the usual reason. Make room, then run bin/pulumi up again; it starts over with '$UNIT'"
}

push() {
  inside test -f "$PUSH_TO" && return 0
  [ -f "$PUSH_FROM" ] || fail "$PUSH_FROM is not on the host, so '$UNIT' was not applied. This brings it again: bin/pulumi up --replace '**-artifact-**'"
  # Renamed when it is whole: a file that is there is complete.
  timeout 300 incus file push --quiet --project "$PROJECT" --create-dirs --mode 0644 "$PUSH_FROM" "$CONTAINER$PUSH_TO.part" </dev/null >&2
  inside mv -f "$PUSH_TO.part" "$PUSH_TO"
}

inside() { timeout 60 incus exec "$CONTAINER" --project "$PROJECT" --mode=non-interactive -- "$@" </dev/null; }

main() { # apply | delete
  local digest status=0 applied
  digest=$(printf '%s' "$BODY" | sha256sum | cut -c1-32)
  hold_lock
  look
  if [ "$1" = delete ]; then
    # Gone with its container, or replaced by a later version of the unit: nothing of this one is left.
    [ -n "$state" ] || return 0
    applied=$(incus_ config get "$CONTAINER" "user.veza.unit.$UNIT")
    # A later version that was refused, or cut off, has not replaced this one: what is there goes.
    case $applied in
      "$digest" | 'pending '*) ;;
      *) return 0 ;;
    esac
  fi
  must_run "'$UNIT' cannot be applied"
  if [ "$1" = apply ]; then
    remember "pending $digest"
    if [ -n "${PUSH_FROM-}" ]; then push; fi
  fi
  # Two limits: the inner one ends what runs in the container, the outer one a client that hangs. The lock inside is for
  # what a killed update started here: it goes on without its client, and so without the host's lock.
  timeout --kill-after=5 "$((LIMIT + 130))" incus exec "$CONTAINER" --project "$PROJECT" --mode=non-interactive -- \
    flock --wait 120 --conflict-exit-code 75 /run/veza-units.lock \
    timeout --kill-after=5 "$LIMIT" bash -euo pipefail -s -- "$1" <<<"$BODY" 9>&- || status=$?
  case $status in
    0) ;;
    75) fail "what an earlier update started in this container is still at work after 120 s. Nothing was changed by this one; run bin/pulumi up again when it has ended" ;;
    124 | 137) fail "'$UNIT' did not end within its limit of $LIMIT s and was stopped. Run bin/pulumi up again; it starts over" ;;
    *) fail "'$UNIT' could not be applied (exit status $status); the reason is above" ;;
  esac
  if [ "$1" = delete ]; then
    incus_ config unset "$CONTAINER" "user.veza.unit.$UNIT"
  else
    remember "$digest"
  fi
}
