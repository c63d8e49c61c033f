# shellcheck shell=bash disable=SC2154
# (settings are another library's)
# Roles, databases and the slot of the other node, on a primary; a standby gets them from there.

apply_roles() {
  local owner suffix database
  superuser -v slot="$PEER_SLOT" -f "$libraries/cluster.sql"
  with_password replicator "$libraries/replicator.sql"
  for owner in $OWNERS; do
    superuser -v owner="$owner" -f "$libraries/owner.sql"
    for suffix in a b; do with_password "${owner}_$suffix" "$libraries/login.sql" -v owner="$owner"; done
  done
  for database in $DATABASES; do
    superuser -v database="${database%%:*}" -v owner="${database#*:}" -f "$libraries/database.sql"
  done
}

# With what the password file has for the role (nothing: it cannot log in), on standard input, so that no list of
# processes and no log has it.
with_password() { # ROLE SQL words for psql
  local role=$1 file=$2 password
  shift 2
  password=$(sed -n "s/^$role //p" "$passwords")
  { printf "\\\\set role '%s'\n\\\\set password '%s'\n" "$role" "$password"; cat "$file"; } | superuser "$@" -f -
}
