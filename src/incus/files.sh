# shellcheck shell=bash
# Applies one unit of files inside a container: stage → follow_up → record. Runs as root, after the
# assignment UNIT, `declare_files` (users, directories and files) and the follow-up's own functions.
# The follow-up may define:
#   follow_up   required; everything between "all files are staged" and "applied"
#   undo        optional; called instead of `restore` when anything failed; calls `restore` itself
#   on_delete   optional; called before the unit's files are removed for good
: "${UNIT:?}"

unit_dir=/var/lib/veza/units/$UNIT
STAGE=$unit_dir/stage
backup=$unit_dir/backup

note() { printf '%s\n' "$1"; }
fail() { printf '%s\n' "$1" >&2; exit 1; }

user() { # NAME HOME: a system user of that name
  id -u "$1" >/dev/null 2>&1 || useradd --system --user-group --home-dir "$2" --no-create-home --shell /usr/sbin/nologin "$1"
}

directory() { # PATH MODE OWNER
  mkdir -p "$1"
  chmod "$2" "$1"
  chown "$3" "$1"
}

file() { # PATH MODE OWNER, content on standard input
  install -D --mode "$2" --owner "${3%:*}" --group "${3#*:}" /dev/stdin "$STAGE$1"
  printf '%s\n' "$1" >>"$unit_dir/manifest.new"
}

staged_changed() { # PATH
  local modes
  [ -f "$1" ] && [ ! -L "$1" ] && cmp -s "$STAGE$1" "$1" || return 0
  mapfile -t modes < <(stat -c '%a %U:%G' "$STAGE$1" "$1")
  [ "${modes[0]-}" != "${modes[1]-}" ]
}

any_changed() { # PREFIX
  local path
  while IFS= read -r path; do
    if [[ $path == "$1"* ]] && staged_changed "$path"; then return 0; fi
  done <"$unit_dir/manifest.new"
  return 1
}

# A temporary name that directory-reading services skip: it begins with a dot.
install_at() { # SOURCE PATH: by rename, so that a reader sees the old file or the new one
  local temporary=${2%/*}/.${2##*/}.veza-new
  [ -d "${2%/*}/" ] || mkdir -p "${2%/*}"
  cp -a --no-target-directory "$1" "$temporary"
  sync "$temporary"
  mv -fT "$temporary" "$2"
}

place() { # [PREFIX]
  local path
  while IFS= read -r path; do
    [[ $path == "${1-/}"* ]] || continue
    staged_changed "$path" || continue
    # What an interrupted run put aside is the last good state: it is not overwritten.
    if [ ! -e "$backup$path" ] && ! grep -qxF "$path" "$unit_dir/added" 2>/dev/null; then
      if [ -e "$path" ]; then
        mkdir -p "$backup${path%/*}"
        cp -a --no-target-directory "$path" "$backup$path.part"
        mv -fT "$backup$path.part" "$backup$path"
      else
        printf '%s\n' "$path" >>"$unit_dir/added"
      fi
    fi
    install_at "$STAGE$path" "$path"
  done <"$unit_dir/manifest.new"
}

# Has systemd start these at boot. To enable is to have all units read anew as well, which is most of what either takes:
# so it is done for all at once, and `reload_units` behind it has nothing to do.
enable_units() { # UNITS
  local unit new=() # one by one: asked for all, systemd is content with one that is enabled
  for unit; do systemctl is-enabled --quiet "$unit" || new+=("$unit"); done
  if [ "${#new[@]}" -gt 0 ]; then systemctl enable --quiet "${new[@]}"; fi
}

# Has systemd read its units anew where files of these have changed.
reload_units() { # UNITS
  if [[ $(systemctl show -P NeedDaemonReload "$@") == *yes* ]]; then systemctl daemon-reload; fi
}

# Whoever repairs a container by hand or by program notes the services in this file that have to be restarted although
# the unit's own files are right.
restart_is_due() { [ -e "$unit_dir/restart" ]; }

restore() {
  local path
  if [ -d "$backup" ]; then
    while IFS= read -r path; do
      install_at "$backup$path" "$path"
    done < <(cd "$backup" && find . -type f ! -name '*.part' -printf '/%P\n')
  fi
  if [ -f "$unit_dir/added" ]; then
    while IFS= read -r path; do rm -f "$path"; done <"$unit_dir/added"
  fi
  rm -rf "$backup" "$unit_dir/added"
}

# Removes what this unit's previous manifest listed and the new one does not; nothing else.
forget_unlisted() {
  local path
  [ -f "$unit_dir/manifest" ] || return 0
  while IFS= read -r path; do
    grep -qxF "$path" "$unit_dir/manifest.new" || rm -f "$path"
  done <"$unit_dir/manifest"
}

finish() {
  local status=$?
  trap - EXIT
  if [ "$status" -ne 0 ]; then
    if declare -F undo >/dev/null; then undo; else restore; fi
    sleep 0.05 # the last words of a process can be lost on the way out of a container
  fi
  rm -rf "$STAGE"
  exit "$status"
}

apply_unit() {
  umask 022
  mkdir -p /var/lib/veza/units
  chmod 0700 /var/lib/veza/units
  rm -rf "$STAGE" "$unit_dir/manifest.new"
  mkdir -p "$unit_dir" "$STAGE"
  : >"$unit_dir/manifest.new"
  trap finish EXIT
  trap 'exit 143' TERM INT HUP
  declare_files
  follow_up
  trap - EXIT
  forget_unlisted
  mv -f "$unit_dir/manifest.new" "$unit_dir/manifest"
  rm -rf "$STAGE" "$backup" "$unit_dir/added" "$unit_dir/restart"
}

delete_unit() {
  local path
  # What a later version had put in place when it was cut off goes with it.
  restore
  [ -f "$unit_dir/manifest" ] || { rm -rf "$unit_dir"; return 0; }
  if declare -F on_delete >/dev/null; then on_delete; fi
  while IFS= read -r path; do rm -f "$path"; done <"$unit_dir/manifest"
  rm -rf "$unit_dir"
}

unit_main() { # apply | delete
  case $1 in
    apply) apply_unit ;;
    delete) delete_unit ;;
    *) fail "unknown action: $1" ;;
  esac
}
