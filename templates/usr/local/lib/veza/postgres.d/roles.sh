# shellcheck shell=bash disable=SC2154
# (settings are another library's)
# Roles and databases, on a primary; a standby gets them from there.

apply_roles() {
  sql_seconds=60 superuser < <(roles_script) || fail 'its roles and databases could not be made, for the reason above'
}

# One session for all. Passwords come on standard input, so no list of processes and no log has them.
roles_script() {
  local owner suffix database
  step cluster
  step replicator password "$(password_of replicator)"
  for owner in $OWNERS; do
    step owner owner "$owner"
    for suffix in a b; do step login role "${owner}_$suffix" password "$(password_of "${owner}_$suffix")"; done
  done
  for database in $DATABASES; do step database database "${database%%:*}" owner "${database#*:}"; done
  other_roles statement
  printf '\n\\gexec\n'
}

other_roles() { # COLUMNS
  step other-roles columns "$1" owners "$OWNERS" databases "$DATABASES" logins "$(cut -d' ' -f1 "$passwords" | paste -sd' ')"
}

step() { # SQL VARIABLE VALUE...
  local file=$libraries/$1.sql
  shift
  while [ "$#" -gt 0 ]; do
    printf "\\set %s '%s'\n" "$1" "$2"
    shift 2
  done
  cat "$file"
}

password_of() { sed -n "s/^$1 //p" "$passwords"; } # ROLE: nothing when it has none, and cannot log in
