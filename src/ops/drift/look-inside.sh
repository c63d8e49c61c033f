# shellcheck shell=bash disable=SC2154
# (the socket is socket.sh's, which goes in front)
# Runs inside a container: prints what is there, as sections `=== TITLE`; changes nothing.
# Parameters, one thing a line: PATHS (files and directories), SHOWN and HIDDEN (`DIGEST  PATH` as sha256sum has them; of
# what differs the first are printed, the others only named), PLACES (where nothing else may be), USERS, SERVICES, LINKS
# (symbolic links), NOTES (files that say what was decided at run time), RELEASES (directories that an archive was unpacked
# to). HAPROXY, NODE: yes where one is in here. Goes with the fleets' contents.sh.
: "${PATHS?}" "${SHOWN?}" "${HIDDEN?}" "${PLACES?}" "${USERS?}" "${SERVICES?}" "${LINKS?}" "${NOTES:?}" "${RELEASES?}"
: "${HAPROXY:?}" "${NODE:?}"

export LC_ALL=C
largest=200000       # bytes of one file that are printed
differences_most=400 # lines about one release that are printed

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

# What is otherwise in each than when it was unpacked: lines of its list with `<` before them, of what is there now with `>`.
releases() {
  local directory
  while IFS= read -r directory; do
    [ -n "$directory" ] || continue
    section "release $directory"
    if [ ! -d "$directory" ]; then
      echo absent
    elif [ ! -f "$directory.contents" ]; then
      echo unlisted
    else
      contents_of "$directory" | diff "$directory.contents" - | sed -n 's/^\([<>]\) /\1/p' | head -n "$differences_most" || :
    fi
  done <<<"$RELEASES"
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
  local differs
  exec {differs}< <(differing_database)
  section details
  timeout 6 /usr/local/lib/veza/postgres status 2>/dev/null || :
  section differs
  cat <&"$differs"
}

differing_database() {
  local status=0
  timeout 20 /usr/local/lib/veza/postgres differs 2>&1 || status=$?
  # An older one answers with how it is used.
  [ "$status" != 2 ] || echo "its program cannot do that yet: bin/pulumi up brings one that can"
}

main() {
  stats
  contents || :
  extras || :
  users
  services || :
  links
  notes
  releases
  [ "$HAPROXY" = no ] || haproxy
  [ "$NODE" = no ] || node
}
