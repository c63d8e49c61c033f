# shellcheck shell=bash disable=SC2154,SC2034
# (settings and facts about certificates are other libraries', and another one reads what is set here)
# What HAProxy reads, and what the running one is told. The file comes first: a restart at any moment finds it.

control=/usr/local/lib/veza/haproxy-control

declare -A taken=()   # certificates that the running HAProxy has as they lie there, or will have when it starts
declare -A refused=() # those that it did not take
declare -A held=()    # those that stay, because no other one has a certain name

install_all() {
  local primary status=0
  rm -f "$CERTIFICATES/$temporary"
  read_issued
  for primary in "${primaries[@]}"; do hand_over "$primary" || status=1; done
  # What one certificate was kept for, another one may have brought since.
  for primary in "${!held[@]}"; do
    hand_over "$primary" || status=1
    [ -z "${held[$primary]-}" ] || echo "$primary: the certificate before stays, because only it has ${held[$primary]}"
  done
  retire || status=1
  write_map || status=1
  return "$status"
}

# Gives HAProxy the best PEM there is for PRIMARY. Nothing there yet is no failure: a placeholder comes with the update.
hand_over() { # PRIMARY
  local live=$CERTIFICATES/$1.pem best problem status=0
  unset "taken[$1]" "held[$1]"
  refused[$1]=yes
  choose_best "$1"
  if [ -n "$best" ] && ! cmp -s "$best" "$live"; then
    problem=$(haproxy_problem "$best")
    [ -z "$problem" ] || { echo "$1: $best was not installed: $problem" >&2; return 1; }
    problem=$(only_here "$live" "$1" "$best")
    if [ -n "$problem" ]; then
      held[$1]=$problem
    elif ! list_installed "$1" || ! put "$best" "$live"; then
      echo "$1: $live could not be written" >&2
      return 1
    fi
  fi
  [ ! -f "$live" ] || tell_haproxy use-certificate "$live" || status=$?
  case $status in
    0) taken[$1]=yes ;;
    3) ;;
    *) return 1 ;;
  esac
  unset "refused[$1]"
}

# Names of a valid certificate in HAProxy's directory that are configured and that nothing else there is for.
only_here() { # PEM PRIMARY [PEM that replaces it]
  local name primary among='' replacing='' alone=''
  read_certificate "$1" && is_valid || return 0
  for name in ${certificate[names]}; do
    if [ -n "${configured[$name]-}" ]; then alone+="$name "; fi
  done
  [ -n "$alone" ] || return 0
  if [ -n "${3-}" ] && read_certificate "$3" && is_valid; then among+=" ${certificate[names]}"; fi
  for primary in "${primaries[@]}"; do
    if [ "$primary" != "$2" ] && read_certificate "$CERTIFICATES/$primary.pem" && is_valid; then among+=" ${certificate[names]}"; fi
  done
  for name in $alone; do
    [[ " $among " == *" $name "* ]] || replacing+="${replacing:+ }$name"
  done
  printf '%s' "$replacing"
}

# HAProxy comes after certificates on a new machine, and reads them when it starts. 3: the running one has no such file.
# An older one knows neither verb (2).
tell_haproxy() { # VERB FILE
  local status=0
  [ -x "$control" ] || return 0
  "$control" "$@" 9>&- || status=$?
  [ "$status" -ne 2 ] || status=3
  return "$status"
}

# Names of issued certificates that HAProxy has: only they are redirected to HTTPS. One whose certificate expired stays
# among them, because going back to HTTP would be worse than the error that is shown now. Where HAProxy has not taken the
# certificate (yet) it serves what it served before: nothing is promised that was not before.
write_map() {
  local primary name status=0 incoming=$run/issued-names.map
  while IFS= read -r primary; do
    read_certificate "$CERTIFICATES/$primary.pem" && ! is_placeholder || continue
    for name in ${certificate[names]}; do
      [ -n "${configured[$name]-}" ] || continue
      [ -n "${taken[$primary]-}" ] || grep -sqxF -e "$name 1" "$ISSUED_NAMES" || continue
      printf '%s 1\n' "$name"
    done
  done < <({ printf '%s\n' "${primaries[@]}"; cat "$INSTALLED" 2>/dev/null; } | sort -u) | sort -u >"$incoming" || return 1
  if ! cmp -s "$incoming" "$ISSUED_NAMES" && ! put "$incoming" "$ISSUED_NAMES"; then
    echo "$ISSUED_NAMES could not be written" >&2
    return 1
  fi
  tell_haproxy use-map "$ISSUED_NAMES" || status=$?
  [ "$status" -eq 0 ] || [ "$status" -eq 3 ]
}

# Which files in HAProxy's directory are ours: others may be somebody else's.
list_installed() { # PRIMARY
  grep -sqxF -e "$1" "$INSTALLED" || printf '%s\n' "$1" >>"$INSTALLED"
}

# Removes what is no longer configured, but for the only valid certificate of a name that is: that one stays until there
# is another. Not while a configured one has no file: an empty directory would keep HAProxy from its next start.
retire() {
  local primary moved='' kept=()
  [ -f "$INSTALLED" ] || return 0
  for primary in "${primaries[@]}"; do
    [ -f "$CERTIFICATES/$primary.pem" ] || return 0
  done
  while IFS= read -r primary; do
    if is_configured "$primary"; then continue; fi
    if [ -n "$(only_here "$CERTIFICATES/$primary.pem" "$primary")" ]; then
      kept+=("$primary")
      continue
    fi
    ! has_configured_name "$CERTIFICATES/$primary.pem" || moved=yes
    rm -f "$CERTIFICATES/$primary.pem"
  done <"$INSTALLED"
  # In memory HAProxy would go on showing the old one for a name that has another now, until after its end.
  [ -z "$moved" ] || reload_haproxy || return 1
  printf '%s\n' "${primaries[@]}" "${kept[@]}" >"$INSTALLED.new" && mv -fT "$INSTALLED.new" "$INSTALLED"
}

# True also for one that a killed run has removed.
has_configured_name() { # PEM
  ! read_certificate "$1" || has_one_of "${!configured[*]}"
}

reload_haproxy() {
  local primary
  [ -x "$control" ] && systemctl is-active --quiet haproxy || return 0
  "$control" reload 9>&- || {
    echo 'haproxy was not reloaded, and may go on showing certificates that were removed' >&2
    return 1
  }
  # It has read all that there is.
  for primary in "${primaries[@]}"; do taken[$primary]=yes; done
}
