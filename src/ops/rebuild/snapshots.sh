# shellcheck shell=bash
# Snapshots of a node's data volume. Goes with postgres/step.sh. Parameters: CONTAINER, SNAPSHOT (name of this one),
# KEEP (how many of ours stay).
#   take    makes SNAPSHOT, and prints POOL VOLUME
#   prune   removes ours beyond the newest KEEP
: "${CONTAINER:?}" "${SNAPSHOT:?}" "${KEEP:?}"

incus_() { timeout 120 incus "$@" --project "$PROJECT" </dev/null; }

# Sets `pool` and `volume` to what the node has its data on.
find_volume() {
  local device
  for device in $(incus_ config device list "$CONTAINER"); do
    case $device in volume-*) ;; *) continue ;; esac
    [ "$(incus_ config device get "$CONTAINER" "$device" path)" = /var/lib/postgresql ] || continue
    pool=$(incus_ config device get "$CONTAINER" "$device" pool)
    volume=$(incus_ config device get "$CONTAINER" "$device" source)
    return 0
  done
  fail "$CONTAINER has no volume at /var/lib/postgresql, so its data cannot be kept before the wipe. Nothing was changed. bin/pulumi up gives it one"
}

take() {
  incus_ storage volume snapshot create "$pool" "$volume" "$SNAPSHOT" >/dev/null ||
    fail "Incus could not take a snapshot of $volume, for the reason above. Nothing was changed"
  printf '%s %s\n' "$pool" "$volume"
}

prune() {
  local all old
  mapfile -t all < <(incus_ storage volume snapshot list "$pool" "$volume" --format csv --columns n | grep '^before-rebuild-' | sort)
  for old in "${all[@]:0:${#all[@]}>KEEP?${#all[@]}-KEEP:0}"; do
    incus_ storage volume snapshot delete "$pool" "$volume" "$old" >/dev/null
    printf '%s\n' "$old"
  done
}

main() { # take | prune
  begin shared
  local pool volume
  find_volume
  "$1"
}
