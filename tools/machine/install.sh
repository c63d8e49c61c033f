# shellcheck shell=bash
# Installs Debian or Ubuntu packages from the machine's own apt sources. Safe to run again.
# PACKAGES: words separated by spaces. Prints one line per thing that was changed.
: "${PACKAGES:?}"

export DEBIAN_FRONTEND=noninteractive
read -ra packages <<<"$PACKAGES"

# Waits for an apt that is already running (unattended upgrades on a fresh machine) instead of failing.
quiet_apt() { timeout 600 apt-get -qq -o DPkg::Lock::Timeout=120 -o Acquire::Retries=2 "$@"; }

# The first package that apt knows no version of; nothing when all can be installed.
unknown_package() {
  local package
  for package in "${packages[@]}"; do
    if [ -z "$(apt-cache madison "$package" 2>/dev/null)" ]; then
      printf '%s\n' "$package"
      return
    fi
  done
}

# Debian 12 has Incus in its backports only. They come from the mirror that already serves this machine.
add_backports() {
  local codename mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  # shellcheck disable=SC1091
  codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME-}")
  [ "$codename" = bookworm ] || return 0
  # shellcheck disable=SC2016 # apt's own format, not the shell's
  if apt-get indextargets --format '$(RELEASE)' 'Created-By: Packages' | grep -qx 'bookworm-backports'; then return 0; fi
  # shellcheck disable=SC2016
  mirror=$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
    awk '$1 == "bookworm" && $2 == "main" { print $3; exit }')
  if [ -z "$mirror" ]; then
    echo "Incus is in bookworm-backports, and apt has no source for bookworm to take the mirror from: add one to /etc/apt/sources.list.d" >&2
    exit 1
  fi
  {
    echo "# Added by veza-edge: Incus for Debian 12."
    printf 'Types: deb\nURIs: %s\nSuites: bookworm-backports\nComponents: main\n' "$mirror"
    if [ -f "$keyring" ]; then echo "Signed-By: $keyring"; fi
  } >/etc/apt/sources.list.d/veza-edge-backports.sources
  echo "added /etc/apt/sources.list.d/veza-edge-backports.sources"
}

main() {
  local unknown
  if [ -n "$(unknown_package)" ]; then
    quiet_apt update
    if [ -n "$(unknown_package)" ]; then
      add_backports
      quiet_apt update
    fi
    unknown=$(unknown_package)
    if [ -n "$unknown" ]; then
      echo "apt knows no package $unknown: this needs Debian 12 or later, or Ubuntu 24.04 or later (with universe)" >&2
      exit 1
    fi
  fi
  # Lists that are older than the mirror name versions that it no longer has.
  if ! quiet_apt install -y --no-install-recommends "${packages[@]}"; then
    quiet_apt update
    quiet_apt install -y --no-install-recommends "${packages[@]}"
  fi
  echo "installed $PACKAGES"
}
