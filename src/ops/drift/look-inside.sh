# shellcheck shell=bash disable=SC2154
# (the socket is socket.sh's, which goes in front)
# Runs inside a container: prints what is there, as sections `=== TITLE`; changes nothing.
# Parameters, one thing a line: PATHS (files and directories), SHOWN and HIDDEN (`DIGEST  PATH` as sha256sum has them; of
# what differs the first are printed, the others only named), PLACES (where nothing else may be), USERS, SERVICES, LINKS
# (symbolic links), NOTES (files that say what was decided at run time). HAPROXY, NODE: yes where one is in here.
: "${PATHS?}" "${SHOWN?}" "${HIDDEN?}" "${PLACES?}" "${USERS?}" "${SERVICES?}" "${LINKS?}" "${NOTES:?}" "${HAPROXY:?}" "${NODE:?}"

export LC_ALL=C
largest=200000 # bytes of one file that are printed

section() { printf '=== %s\n' "$1"; }

stats() {
  local paths
  section stat
  mapfile -t paths <<<"$PATHS"
  stat --printf='%F|%a|%U:%G|%Z|%n\n' -- "${paths[@]}" 2>/dev/null || :
}

# Paths of the files that are there and have another digest than the list says.
differing() { # LIST
  [ -z "$1" ] || sha256sum --check --quiet <<<"$1" 2>/dev/null | sed -n 's/: FAILED$//p'
}

contents() {
  local path
  differing "$HIDDEN" | while IFS= read -r path; do section "differs $path"; done
  differing "$SHOWN" | while IFS= read -r path; do
    section "differs $path"
    printed "$path"
  done
}

printed() { head -c "$largest" "$1" | base64 -w 0; echo; } # FILE

# What anybody may read of it is printed, too.
extras() {
  local -A known=()
  local places mode changed path
  while IFS= read -r path; do [ -z "$path" ] || known[$path]=yes; done <<<"$PATHS"
  mapfile -t places <<<"$PLACES"
  [ -n "$PLACES" ] || return 0
  find "${places[@]}" ! -type d -printf '%m|%C@|%p\n' 2>/dev/null | while IFS='|' read -r mode changed path; do
    [ -z "${known[$path]-}" ] || continue
    section "extra $path"
    printf '%s\n' "${changed%.*}"
    if [ -f "$path" ] && ((8#$mode & 4)); then printed "$path"; fi
  done
}

users() {
  local user
  section users
  for user in $USERS; do id -u "$user" >/dev/null 2>&1 || printf '%s\n' "$user"; done
}

services() {
  section services
  # shellcheck disable=SC2086 # words
  [ -z "$SERVICES" ] || timeout 10 systemctl show --timestamp=unix \
    -p Id,LoadState,ActiveState,SubState,UnitFileState,NeedDaemonReload,ActiveEnterTimestamp -- $SERVICES
}

links() {
  local path
  section links
  for path in $LINKS; do printf '%s|%s\n' "$path" "$(readlink "$path" || :)"; done
}

notes() {
  section notes
  # shellcheck disable=SC2086 # words
  stat --printf='%n|%s\n' -- $NOTES 2>/dev/null || :
}

haproxy() {
  section 'haproxy info'
  ask "$admin" 3 'show info' || :
  section 'haproxy servers'
  ask "$admin" 3 'show servers state' || :
  section 'issued names'
  cut -d' ' -f1 /usr/local/etc/tls/issued-names.map 2>/dev/null || :
}

node() {
  section details
  timeout 6 /usr/local/lib/veza/postgres status 2>/dev/null || :
}

main() {
  stats
  contents || :
  extras || :
  users
  services || :
  links
  notes
  [ "$HAPROXY" = no ] || haproxy
  [ "$NODE" = no ] || node
}
