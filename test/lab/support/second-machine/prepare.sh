# shellcheck shell=bash
# Makes a freshly launched container a machine that runs Incus and is reached over SSH. Runs inside it, as root.
# Parameters: AUTHORIZED_KEY (may log in as root and as LOGIN_USER, who has sudo without a password), LOGIN_USER,
# BRIDGE_ADDRESS (of its own Incus bridge), CGROUP_SCRIPT, IMAGES (directory with image tarballs to import).
: "${AUTHORIZED_KEY:?}" "${LOGIN_USER:?}" "${BRIDGE_ADDRESS:?}" "${CGROUP_SCRIPT:?}" "${IMAGES:?}"

authorize() { # USER HOME
  install -d -m 0700 -o "$1" -g "$1" "$2/.ssh"
  printf '%s\n' "$AUTHORIZED_KEY" >"$2/.ssh/authorized_keys"
  chown "$1:$1" "$2/.ssh/authorized_keys"
  chmod 0600 "$2/.ssh/authorized_keys"
}

# Before every start of Incus, not only now: a reboot is one of the tests.
cgroup_before_incus() {
  printf '%s' "$CGROUP_SCRIPT" >/usr/local/sbin/cgroup-before-incus
  chmod 0755 /usr/local/sbin/cgroup-before-incus
  mkdir -p /etc/systemd/system/incus.service.d
  printf '[Service]\nExecStartPre=/usr/local/sbin/cgroup-before-incus\n' >/etc/systemd/system/incus.service.d/cgroup.conf
}

incus_inside() {
  # The default range of subordinate ids does not fit into the one that this container itself was given.
  printf 'root:1000000:10000000\n' | tee /etc/subuid >/etc/subgid
  systemctl daemon-reload
  systemctl enable --quiet incus.service incus-startup.service
  systemctl restart incus.service
  timeout 60 incus admin waitready </dev/null
  # Clones of an image take no time on btrfs, which works where the outer machine's pool is btrfs too.
  timeout 30 incus storage create default btrfs source=/srv/incus-pool </dev/null >/dev/null 2>&1 ||
    timeout 30 incus storage create default dir </dev/null >/dev/null
  timeout 30 incus network create incusbr0 "ipv4.address=$BRIDGE_ADDRESS" ipv4.nat=true ipv6.address=none </dev/null >/dev/null
}

# Images of the outer machine, under the same alias: building them again would take a minute each.
import_images() {
  local metadata
  for metadata in "$IMAGES"/*.metadata; do
    [ -e "$metadata" ] || continue
    timeout 120 incus image import "$metadata" "${metadata%.metadata}.rootfs" \
      --alias "$(cat "${metadata%.metadata}.alias")" </dev/null >/dev/null
  done
}

ssh_server() {
  # The keys in the image are everybody's.
  rm -f /etc/ssh/ssh_host_*
  ssh-keygen -q -A </dev/null
  systemctl enable --quiet ssh.service
  systemctl restart ssh.service
}

main() { # apply
  id -u "$LOGIN_USER" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash "$LOGIN_USER"
  printf '%s ALL=(ALL) NOPASSWD: ALL\n' "$LOGIN_USER" >"/etc/sudoers.d/$LOGIN_USER"
  authorize root /root
  authorize "$LOGIN_USER" "/home/$LOGIN_USER"
  cgroup_before_incus
  incus_inside
  import_images
  ssh_server
}
