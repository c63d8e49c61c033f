# shellcheck shell=bash disable=SC2154
# (STAGE is set by files.sh)
# Follow-up (see files.sh) of a database node: its configuration is checked, put in place and taken over.
# Parameters: NODE, its name; VERSION, Postgres' major one.
: "${NODE:?}" "${VERSION:?}"

configuration=/etc/postgresql/veza/postgresql.conf
booted=(pg-health.socket veza-postgres-watch.service veza-postgres.service)

follow_up() {
  local said
  # Debian's own services would take the ports.
  if [ ! -L /etc/systemd/system/pgbouncer.service ] || [ ! -L /etc/systemd/system/postgresql.service ]; then
    systemctl mask --now --quiet postgresql pgbouncer
  fi
  # Asked for any value, Postgres reads all of them.
  said=$("/usr/lib/postgresql/$VERSION/bin/postgres" -C port --config-file="$STAGE$configuration" 2>&1) ||
    fail "$NODE: Postgres does not take its configuration: $said. Nothing was changed"
  place
  start_services
  /usr/local/lib/veza/postgres apply || fail "$NODE: its configuration could not be taken over, for the reason above"
}

# Postgres is started where there is data, PgBouncer by the watch.
start_services() {
  enable_units "${booted[@]}"
  reload_units "${booted[@]}" pg-health.service veza-pgbouncer.service
  # Of a node from before it had a socket, the service itself has the port.
  systemctl is-active --quiet pg-health.socket || systemctl disable --now --quiet pg-health.service
  systemctl start pg-health.socket
  systemctl restart pg-health.service veza-postgres-watch.service
}

undo() {
  restore
  if [ -x /usr/local/lib/veza/postgres ]; then start_services || :; fi
  [ ! -x /usr/local/lib/veza/postgres ] || /usr/local/lib/veza/postgres apply || :
}

on_delete() {
  systemctl disable --now --quiet veza-postgres-watch veza-pgbouncer pg-health.socket pg-health.service veza-postgres 2>/dev/null || :
}
