# shellcheck shell=bash
# The Incus project that keeps one stack's containers apart from others on the same host.
# Parameters: PROJECT, NETWORK, GATEWAY (the bridge's own address with prefix length), STORAGE.
: "${PROJECT:?}" "${NETWORK:?}" "${GATEWAY:?}" "${STORAGE:?}"

fail() { printf '%s\n' "$1" >&2; exit 1; }

# Debian starts Incus after a boot only when the copy of its database from the last clean shutdown names containers to
# start: after a power cut on a host that was never shut down before, none would come back.
start_at_boot() {
  if [ ! -d /run/systemd/system ] || [ -e /etc/systemd/system/multi-user.target.wants/incus.service ]; then return 0; fi
  systemctl cat incus.service >/dev/null 2>&1 || return 0
  systemctl add-wants --quiet multi-user.target incus.service
}

# Its custom volumes, one a line: pool, name, and what volume.sh noted of it.
volumes() {
  local pool volume
  while IFS= read -r pool; do
    while IFS= read -r volume; do
      printf '%s %s %s\n' "$pool" "$volume" \
        "$(timeout 30 incus storage volume get "$pool" "$volume" user.veza.volume --project "$PROJECT" </dev/null)"
    done < <(timeout 30 incus storage volume list "$pool" --project "$PROJECT" --format csv --columns tn </dev/null | sed -n 's/^custom,//p')
  done < <(timeout 30 incus storage list --format csv --columns n </dev/null)
}

# Volumes that are to be kept stay, and the project with them. Of the others one may be there that the state never came
# to know, because the update that made it was killed.
remove() {
  local left kept='' foreign='' pool volume mark key
  timeout 30 incus project show "$PROJECT" </dev/null >/dev/null 2>&1 || return 0
  left=$(timeout 30 incus list --project "$PROJECT" --format csv --columns n </dev/null | tr '\n' ' ')
  [ -z "$left" ] || fail "project $PROJECT still has containers that are not this stack's: ${left}. They and the project were left as they are"
  while read -r pool volume mark; do
    case $mark in
      '') foreign+="$pool/$volume " ;;
      remove*) timeout 60 incus storage volume delete "$pool" "$volume" --project "$PROJECT" </dev/null >/dev/null ;;
      *) kept+="$pool/$volume " ;;
    esac
  done < <(volumes)
  [ -z "$foreign" ] || fail "project $PROJECT still has volumes that are not this stack's: ${foreign}. They and the project were left as they are"
  if [ -n "$kept" ]; then
    # An update to come is the first one again, and no maintenance outlives what it was for.
    for key in $(timeout 30 incus project show "$PROJECT" </dev/null | sed -n 's/^  \(user\.veza\.update\|user\.veza\.note\.[a-z.-]*\):.*/\1/p'); do
      timeout 30 incus project unset "$PROJECT" "$key" </dev/null
    done
    printf 'project %s was kept on %s, with its volumes: %s\n' "$PROJECT" "$(hostname)" "$kept"
    return 0
  fi
  timeout 60 incus project delete "$PROJECT" </dev/null
  rm -rf "/run/veza/lock/$PROJECT"
}

main() { # apply | delete
  local actual begun
  timeout 30 incus info </dev/null >/dev/null ||
    fail "Incus does not answer on $(hostname). Nothing was changed. Is it running (systemctl status incus), and may $(id -un) use it?"
  if [ "$1" = delete ]; then
    remove
    return 0
  fi
  actual=$(timeout 30 incus network get "$NETWORK" ipv4.address </dev/null) ||
    fail "host $(hostname) has no Incus network '$NETWORK'. Nothing was changed. Make it (incus network create $NETWORK ipv4.address=$GATEWAY), or name another in veza-edge:network"
  [ "$actual" = "$GATEWAY" ] ||
    fail "Incus network '$NETWORK' on $(hostname) has the address $actual; the stack expects $GATEWAY. Nothing was changed. Set veza-edge:network to what the host has"
  timeout 30 incus storage show "$STORAGE" </dev/null >/dev/null ||
    fail "host $(hostname) has no Incus storage pool '$STORAGE'. Nothing was changed. Name another in veza-edge:storage"
  start_at_boot
  begun="running $(date -u +%Y-%m-%dT%H:%M:%SZ)"
  if ! timeout 30 incus project show "$PROJECT" </dev/null >/dev/null 2>&1; then
    timeout 30 incus project create "$PROJECT" -c features.images=false -c features.networks=false \
      -c features.networks.zones=false -c features.profiles=true -c features.storage.volumes=true \
      -c "user.veza.update=$begun" </dev/null >/dev/null
  elif [ -z "$(timeout 30 incus project get "$PROJECT" user.veza.update </dev/null)" ]; then
    timeout 30 incus project set "$PROJECT" "user.veza.update=$begun" </dev/null
  fi
}
