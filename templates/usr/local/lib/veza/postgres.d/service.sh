# shellcheck shell=bash disable=SC2154
# (settings and facts are other libraries')
# Postgres as systemd runs it: whether it may start, and starting and stopping it.

service=veza-postgres.service

# What keeps this node's Postgres from being started as what its data says; nothing when it may.
start_problem() {
  if [ "${fact[data]}" = none ]; then
    echo "there is no data in $data"
  elif [ -f "$rewinding_file" ]; then
    echo "its data was being rewound and is neither old nor new; 'postgres demote' goes on"
  elif [ "${fact[data]}" = primary ] && [ -n "${fact[fenced]}" ]; then
    echo "it would be a primary, and is fenced: ${fact[fenced]}"
  elif is_stale; then
    echo "its peer has gone on with a newer timeline; 'postgres demote' makes it a standby of that one"
  fi
}

# systemd asks before it starts Postgres, whoever told it to. A primary's peer may know better.
gate() {
  local problem
  read_facts full
  if [ "${fact[data]}" = primary ]; then ask_peer; fi
  problem=$(start_problem)
  [ -z "$problem" ] || fail "Postgres is not started: $problem"
}

# Ready: it answers, and replays or takes part. A recovery after a crash takes as long as it takes.
start_postgres() { # SECONDS
  local deadline=$((SECONDS + $1)) problem
  read_facts full
  problem=$(start_problem)
  [ -z "$problem" ] || fail "Postgres cannot be started: $problem"
  systemctl reset-failed "$service" 2>/dev/null || :
  systemctl start --no-block "$service"
  until superuser_answers; do
    case $(systemctl show --value -P ActiveState "$service") in
      inactive | failed)
        # A job that has not begun yet looks the same.
        sleep 0.3
        case $(systemctl show --value -P ActiveState "$service") in
          inactive | failed) fail "Postgres did not start: $(journalctl -u "$service" -o cat --no-pager -n 4 | tr '\n' ' ')" ;;
        esac
        ;;
    esac
    [ "$SECONDS" -lt "$deadline" ] || fail "Postgres does not answer $1 s after it was started; it goes on starting. See: journalctl -u $service"
    sleep 0.05
  done
}

superuser_answers() { [ "$(superuser -c 'select 1' 2>/dev/null)" = 1 ]; }

# Over its socket, for statements that no standby has to have seen.
superuser() { # words for psql
  PGOPTIONS='-c synchronous_commit=local' as_postgres timeout --kill-after=1 "${sql_seconds:-10}" \
    psql -XAtq -h /run/postgresql -p "$POSTGRES_PORT" -U postgres -d postgres -v ON_ERROR_STOP=1 "$@"
}

stop_postgres() {
  systemctl stop "$service" || fail "Postgres could not be stopped: systemctl status $service"
  [ -z "$(running_postmaster)" ] || fail "Postgres still runs after it was stopped: systemctl status $service"
}

checkpoint() {
  sql_seconds=600 superuser -c checkpoint || fail 'no checkpoint, for the reason above'
  say 'wrote a checkpoint'
}

# Prints the place of its WAL's last record: what a standby has to have replayed.
stop_clean() { # REASON, or nothing
  local said state position timeline writing=''
  if [ -n "$1" ]; then
    write_fence "$1" &
    writing=$!
  fi
  # PgBouncer goes with it, and before it.
  stop_postgres
  [ -z "$writing" ] || wait "$writing" || fail "$fence_file could not be written, for the reason above: it is stopped, and the next start would open it again"
  said=$(control_data)
  state=$(control 'Database cluster state' <<<"$said")
  position=$(control 'Latest checkpoint location' <<<"$said")
  timeline=$(control "Latest checkpoint's TimeLineID" <<<"$said")
  case $state in
    'shut down') ;;
    'shut down in recovery') fail 'it was a standby; there is no last record of its own' ;;
    *) fail "it was not shut down cleanly ($state), so nobody knows the end of its WAL. Start it again (postgres unfence), then stop it once more" ;;
  esac
  say 'stopped'
  printf 'final %s %s\n' "$position" "$timeline"
}

control_data() { LC_ALL=C as_postgres "$bin/pg_controldata" -D "$data"; }

control() { sed -n "s/^$1:[[:space:]]*//p"; } # NAME < control data
