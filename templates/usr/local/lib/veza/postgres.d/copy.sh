# shellcheck shell=bash disable=SC2153,SC2154
# (settings, facts and the peer are other libraries')
# Data for a node: new, the primary's, or its own rewound to where the primary's begins to differ.

prepare_directories() {
  local wanted owner
  install -d -m 0755 -o postgres -g postgres "$home"
  install -d -m 0700 -o postgres -g postgres "$home/$VERSION"
  install -d -m 0750 -o postgres -g postgres "$meta"
  install -d -m 0755 "$run"
  [ -d "$data" ] || return 0
  # The volume may come from a container whose image numbers its users otherwise.
  wanted=$(id -u postgres) owner=$(stat -c %u "$data")
  [ "$wanted" = "$owner" ] || [ -n "$(running_postmaster)" ] || chown -R postgres:postgres "$home"
}

new_cluster() {
  rm -rf "$incoming"
  # Collation of its own: with the C library's, an update of Debian can silently spoil indexes.
  as_postgres "$bin/initdb" -D "$incoming" --username=postgres --data-checksums --auth-local=peer --auth-host=scram-sha-256 \
    --encoding=UTF8 --locale=C.UTF-8 --locale-provider=builtin --builtin-locale=C.UTF-8 --no-instructions >/dev/null ||
    fail "no new cluster could be made in $incoming, for the reason above. There is no data"
  sync -f "$incoming"
  mv -T "$incoming" "$data"
  say 'made a new cluster'
}

at_peer() { # words for psql
  PGPASSFILE=$pgpass as_postgres timeout --kill-after=1 30 psql -XAtq -v ON_ERROR_STOP=1 \
    "host=$PEER_ADDRESS port=$POSTGRES_PORT user=replicator dbname=postgres connect_timeout=5" "$@"
}

must_follow() { # what is refused otherwise
  [ "${peer[reachable]}" = true ] || fail "$PEER does not answer, so $1. Nothing was changed. Have it run as the primary first"
  [ "${peer[role]}" = primary ] || fail "$PEER is no primary (${peer[state]}), so $1. Nothing was changed"
  case ${peer[state]} in fenced | stale) fail "$PEER is ${peer[state]}, so $1. Nothing was changed" ;; esac
  at_peer -c 'select 1' >/dev/null ||
    fail "$PEER does not let this node in on port $POSTGRES_PORT, for the reason above, so $1. Nothing was changed"
}

# A slot of its own that keeps what is written from now on. One that has lost its place, or that a connection which is
# gone still holds, is made anew.
renew_slot() {
  at_peer -v slot="$SLOT" -f "$libraries/renew-slot.sql" >/dev/null ||
    fail "the replication slot $SLOT could not be made on $PEER, for the reason above"
}

# The whole of the primary's data, in place of nothing. Prints `progress DONE TOTAL` in bytes.
copy_from_peer() {
  rm -rf "$incoming"
  renew_slot
  say "copies the data of $PEER"
  with_progress all_as_postgres "$bin/pg_basebackup" \
    -d "host=$PEER_ADDRESS port=$POSTGRES_PORT user=replicator connect_timeout=5 application_name=$SLOT" \
    -D "$incoming" --wal-method=stream --slot="$SLOT" --checkpoint=fast --progress ||
    fail "the copy of $PEER broke off, for the reason above. This node has no data now; $PEER is as it was. Run the same again"
  as_postgres touch "$incoming/standby.signal"
  sync -f "$incoming"
  rm -rf "$data"
  mv -T "$incoming" "$data"
  forget "$rewinding_file"
  say "has a copy of $PEER's data"
}

# pg_basebackup's and pg_rewind's `123/456 kB (27%)…`; everything else they say is a message.
with_progress() { # COMMAND...
  local status=0 reader
  PGPASSFILE=$pgpass LC_ALL=C "$@" > >(progress_lines) 2>&1 || status=$?
  reader=$!
  wait "$reader" 2>/dev/null || :
  return "$status"
}

progress_lines() {
  awk '
    match($0, /[0-9]+\/[0-9]+ kB/) {
      split(substr($0, RSTART, RLENGTH), kib, /[\/ ]/)
      printf "progress %.0f %.0f\n", kib[1] * 1024, kib[2] * 1024
      fflush()
      next
    }
    { print > "/dev/stderr" }'
}

rewind() { # [--dry-run]
  all_as_postgres "$bin/pg_rewind" -D "$data" --config-file="$configuration" --progress "$@" \
    --source-server="host=$PEER_ADDRESS port=$POSTGRES_PORT user=replicator dbname=postgres connect_timeout=5"
}

# Takes back what only this node has written. True when its data can follow the peer's now.
rewind_to_peer() {
  local said=$run/rewind
  if [ -f "$rewinding_file" ]; then
    say 'was being rewound when that was cut off: its data is neither old nor new'
    return 1
  fi
  # Until its checkpoint is written, a new primary still shows its old timeline.
  at_peer -c checkpoint >/dev/null || return 1
  if ! PGPASSFILE=$pgpass LC_ALL=C rewind --dry-run >"$said" 2>&1; then
    say "cannot be rewound: $(tail -n 1 "$said")"
    return 1
  fi
  if grep -q 'no rewind required' "$said"; then
    say "has written nothing that $PEER does not have"
    return 0
  fi
  remember "$rewinding_file" "to $PEER"
  with_progress rewind || return 1
  forget "$rewinding_file"
  say "was rewound to where $PEER goes on"
}
