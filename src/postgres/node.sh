# shellcheck shell=bash disable=SC2154
# (STAGE is set by files.sh)
# Follow-up (see files.sh) of a database node: its configuration is checked, put in place and taken over.
# Parameters: NODE, its name; VERSION, Postgres' major one.
: "${NODE:?}" "${VERSION:?}"

configuration=/etc/postgresql/veza/postgresql.conf

follow_up() {
  local said
  # Debian's own services would take the ports.
  systemctl disable --now --quiet postgresql pgbouncer 2>/dev/null || :
  # Asked for any value, Postgres reads all of them.
  said=$("/usr/lib/postgresql/$VERSION/bin/postgres" -C port --config-file="$STAGE$configuration" 2>&1) ||
    fail "$NODE: Postgres does not take its configuration: $said. Nothing was changed"
  place
  systemctl daemon-reload
  /usr/local/lib/veza/postgres apply || fail "$NODE: its configuration could not be taken over, for the reason above"
}

undo() {
  restore
  systemctl daemon-reload
  [ ! -x /usr/local/lib/veza/postgres ] || /usr/local/lib/veza/postgres apply || :
}

on_delete() {
  systemctl disable --now --quiet veza-postgres-watch veza-pgbouncer pg-health veza-postgres 2>/dev/null || :
}
