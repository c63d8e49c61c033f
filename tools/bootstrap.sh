# shellcheck shell=sh
# Sourced by the launchers, after `root` was set to the checkout: gets the npm packages when they are
# missing or not those of package-lock.json, and sets `node` to a Node that runs TypeScript as it is.
# `packages` says which: `run`, what bin/ and the lab run on; `all`, also devDependencies.
# Needs a POSIX shell, Node >= 20 and npm. What it says goes to stderr.

fail() {
  printf 'veza-edge: %s\n' "$1" >&2
  exit 1
}

: "${root:?}" "${packages:?}"
stamp=$root/node_modules/.veza-lock # the lock file's SHA-256, and ` run` where that is all there is
locked() { sha256sum "$root/package-lock.json" | cut -d ' ' -f 1; }
installed() { cat "$stamp" 2>/dev/null || true; }

is_installed() {
  case $(installed) in
    "$(locked)") ;;
    "$(locked) run") [ "$packages" = run ] ;;
    *) return 1 ;;
  esac
}

# Waits for a lock on the packages, `shared` or `exclusive`; $2 says what whoever has it is doing.
lock() {
  flock "--$1" --nonblock 9 && return
  printf 'Waiting for another run in this checkout that %s (at most 30 min) …\n' "$2" >&2
  flock "--$1" --wait 1800 9 || fail "another run in $root held node_modules for 30 minutes."
}

install_packages() {
  # Under npm, node_modules/.bin comes first on PATH; the Node in there is about to be replaced.
  outer_path=$(printf '%s' "$PATH" | tr ':' '\n' | grep -v '/node_modules/\.bin$' | paste -sd: -)
  PATH=$outer_path command -v node >/dev/null || fail "node is not on PATH; install Node 20 or newer."
  PATH=$outer_path command -v npm >/dev/null || fail "npm is not on PATH; it comes with Node, or as Debian's package npm."
  major=$(PATH=$outer_path node -p 'process.versions.node.split(".")[0]')
  [ "$major" -ge 20 ] || fail "Node $major is too old; install Node 20 or newer."

  # A checkout that tests are run in has all of them also after its lock file changed.
  case $(installed) in '' | *' run') ;; *) packages=all ;; esac
  # A link leads to the packages of another checkout, which needs them as they are.
  if [ -L "$root/node_modules" ]; then
    printf '%s is a link, and what it leads to has other packages: replaced by a folder of its own (it led to %s)\n' \
      "$root/node_modules" "$(readlink "$root/node_modules")" >&2
    rm "$root/node_modules"
  fi
  started=$(date +%s)
  printf 'Installing npm packages …\n' >&2
  take_copy || {
    run_npm
    keep_copy
  }
  printf '%s%s\n' "$(locked)" "$([ "$packages" = all ] || echo ' run')" >"$stamp"
  printf 'Installed npm packages (%s s)\n' "$(($(date +%s) - started))" >&2
}

run_npm() {
  # Without its stamp a tree may be what an interrupted run left: npm would take half a package for
  # a whole one.
  [ -e "$stamp" ] || rm -rf "$root/node_modules"
  rm -f "$stamp"
  log=$(mktemp)
  # As npm ci, exactly the lock file and checked against it. Not npm ci itself: that refuses a lock
  # file without the optional packages of platforms that a registry does not have, never used here.
  which=--omit=dev
  [ "$packages" = run ] || which=--include=dev
  if ! (cd "$root" && PATH=$outer_path npm install --no-save --ignore-scripts --no-progress "$which") \
    >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    rm -f "$log"
    fail "npm could not install the packages (its output is above). Run the same command again."
  fi
  rm -f "$log"
}

# npm takes twenty times as long to unpack packages as it takes to copy them: those of the newest
# lock file are kept for the next checkout, without a stamp, under a name that they get when they are whole.
copies=${XDG_CACHE_HOME:-$HOME/.cache}/veza-edge/packages
copy_of() { printf '%s/%s-%s-%s' "$copies" "$(locked)" "$(uname -m)" "$1"; } # run | all

take_copy() {
  for kind in "$packages" all; do
    [ -d "$(copy_of "$kind")" ] || continue
    rm -rf "$root/node_modules"
    if cp -a --reflink=auto "$(copy_of "$kind")" "$root/node_modules" 2>/dev/null; then
      packages=$kind
      return
    fi
    rm -rf "$root/node_modules"
  done
  return 1
}

# Without room for it, the next checkout asks npm.
keep_copy() {
  incoming=$copies/incoming-$$
  mkdir -p "$copies"
  find "$copies" -mindepth 1 -maxdepth 1 ! -name "$(locked)-*" -exec rm -rf {} +
  if ! { cp -a --reflink=auto "$root/node_modules" "$incoming" && mv -T "$incoming" "$(copy_of "$packages")"; } 2>/dev/null; then
    rm -rf "$incoming"
  fi
}

# Sets `node`. The Node that comes with the packages is looked at first: its version is pinned, so
# nothing has to be asked.
choose_node() {
  case $(uname -m) in
    x86_64) arch=x64 ;;
    aarch64) arch=arm64 ;;
    *) fail "this CPU ($(uname -m)) is not served; x86_64 and aarch64 are." ;;
  esac
  node=$root/node_modules/node-linux-$arch/bin/node
  [ -x "$node" ] && return
  node=$(command -v node || true)
  if [ -z "$node" ] || ! "$node" -e '
    const [major, minor] = process.versions.node.split(".").map(Number);
    process.exit(major > 22 || (major === 22 && minor >= 18) ? 0 : 1);
  '; then
    fail "no Node >= 22.18: neither in node_modules (node-linux-$arch) nor on PATH."
  fi
}

[ "$(uname -s)" = Linux ] || fail "this runs on Linux only (its containers are Incus's); here is $(uname -s)."
command -v flock >/dev/null || fail "flock is not on PATH; it is part of util-linux."

# Everybody who uses node_modules holds the lock shared, whoever changes it holds it alone; it ends
# with the process. File descriptor 9 is the folder tools/ itself: no lock file is left.
exec 9<"$root/tools"
lock shared 'installs npm packages'
if ! is_installed; then
  lock exclusive 'uses the npm packages'
  is_installed || install_packages
  lock shared 'installs npm packages'
fi
choose_node

# What Node compiles is kept: every later start is faster.
NODE_COMPILE_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/veza-edge/node
export NODE_COMPILE_CACHE
