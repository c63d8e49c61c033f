# shellcheck shell=bash disable=SC2034
# (what is set here is read by the scripts it goes with)
# Shared by the scripts that run on a host about one of its containers. Parameters: PROJECT, CONTAINER.
: "${PROJECT:?}" "${CONTAINER:?}"

fail() { printf '%s: %s\n' "$PROJECT/$CONTAINER" "$1" >&2; exit 1; }

incus_() { timeout 60 incus "$@" --project "$PROJECT" </dev/null; }

# Sets `state` to the container's state, to nothing where there is no such container. A look that failed is no answer:
# taking it for "not there" would have a container made, or forgotten, that is.
look() {
  local listed
  listed=$(timeout 60 incus list --all-projects --format csv --columns ens </dev/null) ||
    fail "Incus does not answer on $(hostname), for the reason above. Nothing was changed. See: systemctl status incus"
  state=$(awk -F, -v project="$PROJECT" -v name="$CONTAINER" '$1 == project && $2 == name { print $3 }' <<<"$listed")
}

must_run() { # WHAT: what cannot be done otherwise, e.g. 'certificate' cannot be applied
  case $state in
    RUNNING) ;;
    '') fail "this container is not there. Nothing was changed. bin/pulumi up makes it again" ;;
    *) fail "this container is $state, so $1. Start it: incus start $CONTAINER --project $PROJECT" ;;
  esac
}

wait_for_init() {
  local deadline=$((SECONDS + 90))
  # It looks again and again inside: to begin an `incus exec` costs a host that boots containers much more than the look.
  # shellcheck disable=SC2016
  until timeout 25 incus exec "$CONTAINER" --project "$PROJECT" --mode=non-interactive -- timeout 20 sh -c '
    until case $(systemctl is-system-running) in running | degraded) ip -4 -o address show dev eth0 | grep -q inet ;; *) false ;; esac; do
      sleep 0.2
    done' </dev/null >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] ||
      fail "its init did not finish booting within 90 s. It was left running for a look: incus exec $CONTAINER --project $PROJECT -- journalctl -b. (Hosts with many containers run out of fs.inotify.max_user_instances: 1024 or more is right)"
    sleep 0.2
  done
}

# Incus refuses while it still stops the container; then it may be gone a moment later.
delete_container() {
  incus_ delete --force "$CONTAINER" 2>/dev/null && return 0
  sleep 3
  look
  [ -z "$state" ] || incus_ delete --force "$CONTAINER"
}

# One change at a time: a script outlives a killed engine and a cut connection.
hold_lock() {
  mkdir -p "/run/veza/lock/$PROJECT"
  exec 9>"/run/veza/lock/$PROJECT/$CONTAINER"
  flock -w 120 9 ||
    fail "another change to this container has been going on for 120 s. Nothing was changed; try again when it has ended"
}
