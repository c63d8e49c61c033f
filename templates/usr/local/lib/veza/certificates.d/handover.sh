# shellcheck shell=bash disable=SC2154
# (settings and facts about certificates are other libraries')
# What HAProxy reads, and what the running one is told. The file comes first: a restart at any moment finds it.

control=/usr/local/lib/veza/haproxy-control

declare -A refused=() # certificates that the running HAProxy did not take

install_all() {
  local primary status=0
  for primary in "${primaries[@]}"; do
    hand_over "$primary" || { refused[$primary]=yes; status=1; }
  done
  write_map || status=1
  retire || status=1
  return "$status"
}

# Gives HAProxy the best PEM there is for PRIMARY. Nothing there yet is no failure: a placeholder comes with the update.
hand_over() { # PRIMARY
  local live=$CERTIFICATES/$1.pem best problem
  choose_best "$1"
  if [ -n "$best" ] && ! cmp -s "$best" "$live"; then
    problem=$(haproxy_problem "$best")
    [ -z "$problem" ] || { echo "$1: $best was not installed: $problem" >&2; return 1; }
    if ! list_installed "$1" || ! put "$best" "$live"; then
      echo "$1: $live could not be written" >&2
      return 1
    fi
  fi
  [ ! -f "$live" ] || tell_haproxy use-certificate "$live"
}

# HAProxy comes after certificates on a new machine, and an older one knows neither verb (exit status 2): it reads the
# files when it starts or is reloaded.
tell_haproxy() { # VERB FILE
  local status=0
  [ -x "$control" ] || return 0
  "$control" "$@" 9>&- || status=$?
  [ "$status" -eq 0 ] || [ "$status" -eq 2 ]
}

# Names of issued certificates that HAProxy has: only they are redirected to HTTPS. One whose certificate expired stays
# among them, because going back to HTTP would be worse than the error that is shown now. Where HAProxy did not take the
# certificate it still serves the one before: nothing is promised that was not before.
write_map() {
  local primary name incoming=$run/issued-names.map
  for primary in "${primaries[@]}"; do
    read_certificate "$CERTIFICATES/$primary.pem" && ! is_placeholder || continue
    for name in ${names_of[$primary]}; do
      has_names "$name" || continue
      [ -z "${refused[$primary]-}" ] || grep -sqxF -e "$name 1" "$ISSUED_NAMES" || continue
      printf '%s 1\n' "$name"
    done
  done | sort >"$incoming" || return 1
  if ! cmp -s "$incoming" "$ISSUED_NAMES" && ! put "$incoming" "$ISSUED_NAMES"; then
    echo "$ISSUED_NAMES could not be written" >&2
    return 1
  fi
  tell_haproxy use-map "$ISSUED_NAMES"
}

# Which files in HAProxy's directory are ours: others may be somebody else's.
list_installed() { # PRIMARY
  grep -sqxF -e "$1" "$INSTALLED" || printf '%s\n' "$1" >>"$INSTALLED"
}

# Removes what is no longer configured. Not while a configured one has no file: an empty directory would keep HAProxy
# from its next start.
retire() {
  local primary
  [ -f "$INSTALLED" ] || return 0
  for primary in "${primaries[@]}"; do
    [ -f "$CERTIFICATES/$primary.pem" ] || return 0
  done
  while IFS= read -r primary; do
    if is_configured "$primary"; then continue; fi
    rm -f "$CERTIFICATES/$primary.pem" "$CERTIFICATES/.$primary.pem"
  done <"$INSTALLED"
  printf '%s\n' "${primaries[@]}" >"$INSTALLED.new" && mv -fT "$INSTALLED.new" "$INSTALLED"
}
