# shellcheck shell=bash
# Adds to a running Incus what the lab needs and it does not have; changes nothing that is there.
# BRIDGE, BRIDGE_ADDRESS (10.77.0.1/24): the network. POOL, POOL_GIB: the storage pool, and its size where it is made.
# INOTIFY_INSTANCES: how many the kernel has to allow. Prints one line per thing that was changed.
: "${BRIDGE:?}" "${BRIDGE_ADDRESS:?}" "${POOL:?}" "${POOL_GIB:?}" "${INOTIFY_INSTANCES:?}"

ensure_storage() {
  local reason others
  if incus storage show "$POOL" >/dev/null 2>&1; then return 0; fi
  others=$(incus storage list --format csv --columns n)
  # btrfs clones an image in 0.2 s where dir copies it.
  if reason=$(incus storage create "$POOL" btrfs "size=${POOL_GIB}GiB" 2>&1); then
    echo "made storage pool $POOL (btrfs, at most $POOL_GIB GiB)"
  else
    incus storage create "$POOL" dir >/dev/null
    echo "made storage pool $POOL (dir; btrfs does not work here: $(tail -n 1 <<<"$reason"))"
  fi
  # Where it is the first pool, nobody has set up this Incus: plain \`incus launch\` should work as well.
  if [ -z "$others" ] && ! incus profile device get default root pool >/dev/null 2>&1; then
    incus profile device add default root disk path=/ "pool=$POOL" >/dev/null
  fi
}

ensure_network() {
  local address
  if address=$(incus network get "$BRIDGE" ipv4.address 2>/dev/null); then
    if [ "$address" != "$BRIDGE_ADDRESS" ]; then
      echo "Incus network $BRIDGE has address ${address:-none}, and the lab expects $BRIDGE_ADDRESS; nothing was changed. Name another bridge, or that subnet, in Pulumi.lab.yaml (veza-edge:network)" >&2
      exit 1
    fi
    return 0
  fi
  incus network create "$BRIDGE" "ipv4.address=$BRIDGE_ADDRESS" ipv4.nat=true ipv6.address=none >/dev/null
  echo "made network $BRIDGE ($BRIDGE_ADDRESS)"
}

# Every Debian container takes about 9 of them, all unprivileged ones together; past the limit they do not boot.
ensure_inotify() {
  local now setting=/proc/sys/fs/inotify/max_user_instances
  now=$(cat "$setting")
  [ "$now" -lt "$INOTIFY_INSTANCES" ] || return 0
  if ! echo "$INOTIFY_INSTANCES" 2>/dev/null >"$setting"; then
    echo "fs.inotify.max_user_instances is $now, too few for more than $((now / 9)) containers, and cannot be raised from here: set it to $INOTIFY_INSTANCES on the machine itself" >&2
    exit 1
  fi
  printf '# Added by veza-edge: containers beyond the 13th would not boot.\nfs.inotify.max_user_instances = %s\n' \
    "$INOTIFY_INSTANCES" >/etc/sysctl.d/60-veza-edge.conf
  echo "raised fs.inotify.max_user_instances from $now to $INOTIFY_INSTANCES"
}

main() {
  ensure_inotify
  ensure_storage
  ensure_network
}
