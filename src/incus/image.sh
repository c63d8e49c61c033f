# shellcheck shell=bash disable=SC2016
# (single quotes are meant: apt and the shell in the new root file system expand what is in them)
# Builds a container image on the host and imports it under ALIAS. An image that is there is left alone: the alias
# names everything it was made from, so a new list of packages or a new revision is a new alias.
# Parameters: ALIAS, SUITE, PACKAGES (words separated by commas). The mirror is the machine's own.
: "${ALIAS:?}" "${SUITE:?}" "${PACKAGES:?}"

fail() { printf '%s\n' "$1" >&2; exit 1; }

present() { timeout 30 incus image info "$ALIAS" --project default </dev/null >/dev/null 2>&1; }

# The first Debian mirror of this machine's own package sources, in either of apt's two formats.
mirror() {
  local found
  found=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 2>/dev/null | grep -v security | sort -u | head -n 1) || :
  [ -n "$found" ] || found=$(sed -nE 's/^(URIs:|deb( \[[^]]*\])?)[[:space:]]+(https?:[^[:space:]]*\/debian\/?)([[:space:]].*)?$/\3/p' \
    /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list /etc/apt/sources.list 2>/dev/null | head -n 1) || :
  [ -n "$found" ] || fail "no Debian mirror found in this machine's package sources, so image $ALIAS cannot be built"
  printf '%s' "${found%/}"
}

build() { # DIRECTORY
  local work=$1 source
  source=$(mirror)
  command -v mmdebstrap >/dev/null ||
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends mmdebstrap; } </dev/null >&2 ||
    fail "mmdebstrap is missing on $(hostname) and could not be installed; image $ALIAS was not built"
  mkdir "$work/metadata" "$work/metadata/templates"
  cat >"$work/network" <<'END'
[Match]
Name=eth0
[Network]
DHCP=ipv4
[DHCPv4]
UseHostname=no
END
  printf '127.0.0.1 localhost\n127.0.1.1 {{ container.name }}\n' >"$work/metadata/templates/hosts.tpl"
  printf '{{ container.name }}\n' >"$work/metadata/templates/hostname.tpl"
  cat >"$work/metadata/metadata.yaml" <<END
architecture: $(uname -m)
creation_date: $(date +%s)
properties: {os: Debian, release: $SUITE, description: "$ALIAS"}
templates:
  /etc/hostname: {when: [create, copy, rename], template: hostname.tpl}
  /etc/hosts: {when: [create, copy, rename], template: hosts.tpl}
END
  tar -C "$work/metadata" -cf "$work/metadata.tar" metadata.yaml templates
  # policy-rc.d keeps services from starting while they are installed; the image enables what it needs.
  mmdebstrap --quiet --variant=minbase --aptopt='APT::Install-Recommends "false"' \
    --include="systemd,systemd-sysv,systemd-resolved,dbus,udev,iproute2,ca-certificates,curl,socat,$PACKAGES" \
    --customize-hook='copy-in '"$work"'/network /etc/systemd/network' \
    --customize-hook='mv "$1/etc/systemd/network/network" "$1/etc/systemd/network/10-eth0.network"' \
    --customize-hook='chroot "$1" systemctl --quiet enable systemd-networkd systemd-resolved' \
    --customize-hook='chroot "$1" sh -c "systemctl --quiet disable haproxy postgresql prometheus 2>/dev/null || :"' \
    --customize-hook='chroot "$1" systemctl --quiet mask systemd-networkd-wait-online.service apt-daily.timer apt-daily-upgrade.timer' \
    --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/usr/share/doc/* "$1"/usr/share/locale/* "$1"/usr/share/man/*; : >"$1/etc/machine-id"' \
    "$SUITE" "$work/rootfs.tar" "$source" </dev/null ||
    fail "image $ALIAS could not be built on $(hostname), for the reason above. Nothing was imported"
  timeout 120 incus image import "$work/metadata.tar" "$work/rootfs.tar" --alias "$ALIAS" --project default </dev/null >&2
}

main() { # apply
  [ "$1" = apply ] || return 0
  mkdir -p /run/veza/lock
  exec 8>"/run/veza/lock/image-$(printf '%s' "$ALIAS" | tr / -)"
  flock -w 600 8 || fail "another build of image $ALIAS has been going on for 600 s; try again when it has ended"
  if present; then return 0; fi
  work=$(mktemp -d /var/tmp/veza-image.XXXXXX)
  trap 'rm -rf "$work"' EXIT
  trap 'exit 143' TERM INT HUP
  # Not in a condition: there the shell would go on after a failed step, and import half an image.
  build "$work" 8>&-
}
