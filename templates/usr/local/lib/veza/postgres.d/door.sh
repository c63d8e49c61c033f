# shellcheck shell=bash disable=SC2154
# (settings and facts are other libraries')
# PgBouncer is the one way in for clients: where it does not run, nobody writes. systemd never starts it by itself; the
# watch does, and closes it when the node may no longer have it open.

bouncer=veza-pgbouncer.service

may_open() {
  case ${fact[state]} in primary | standby | bouncer-down) return 0 ;; *) return 1 ;; esac
}

bouncer_runs() { [[ $(systemctl show --value -P ActiveState "$bouncer") == activ* ]]; }

open_door() { systemctl start "$bouncer"; }

# Also for what is under way: a statement that goes on after its client would be written later.
close_door() {
  systemctl stop "$bouncer" || fail "PgBouncer could not be stopped: systemctl status $bouncer"
  [ -n "$(running_postmaster)" ] || return 0
  as_postgres timeout --kill-after=1 5 psql -XAtq -h /run/postgresql -p "$POSTGRES_PORT" -U postgres -d postgres -v ON_ERROR_STOP=1 \
    -f "$libraries/end-clients.sql" >/dev/null ||
    say "the sessions that were open could not be ended one by one (Postgres does not answer)"
}

# The word that this primary is the newest. It holds until Postgres ends.
confirm_primary() {
  local new=$confirmed_file.new.$BASHPID
  printf '%s\n' "${fact[postmaster]}" >"$new"
  mv -f "$new" "$confirmed_file"
}

# systemd asks before it starts PgBouncer, whoever told it to.
bouncer_gate() {
  read_facts
  may_open || fail "PgBouncer stays closed: this node is ${fact[state]}${fact[fenced]:+ (${fact[fenced]})}"
}

# Keeps PgBouncer as it has to be, a slot for the peer, and an eye on it. A closed node looks more often.
watch() {
  mkdir -p "$run"
  while :; do
    # A look that failed is made again.
    (look_around) || :
    case $(cat "$run/state" 2>/dev/null) in
      primary | standby) sleep 2 ;;
      *) sleep 0.5 ;;
    esac
  done
}

look_around() {
  exec 9>"$lock"
  read_facts full
  ask_peer
  write_peer_note
  # What was learned may have changed it.
  if is_stale && [ -z "${fact[fenced]}" ]; then fact[state]=stale; fi
  printf '%s\n' "${fact[state]}" >"$run/state"
  if [ "${fact[promoting]}" = yes ]; then forget_promotion; fi
  case ${fact[state]} in
    unconfirmed) confirm_when_vouched ;;
    primary) [ "${fact[slot]}" = yes ] || keep_slot ;;
    standby)
      # Of a promotion that was cut off: it must not hold for one by somebody's own hand.
      if [ -e "$confirmed_file" ] && [ "${fact[promoting]}" = no ] && flock --nonblock 9; then rm -f "$confirmed_file"; fi
      ;;
    *) fit_door ;;
  esac
}

# Soon after a promotion, and not on its way: writes wait for that. What is written before the slot is there is kept too,
# as much of it as wal_keep_size says; and the slot begins where the last checkpoint did, no later than the promotion's own.
keep_slot() {
  flock --nonblock 9 || return 0
  superuser -v slot="$PEER_SLOT" -f "$libraries/keep-slot.sql" >/dev/null && say "keeps WAL for $PEER"
}

# Begun and cut off, and nothing came of it: the peer may open again.
forget_promotion() {
  local begun
  flock --nonblock 9 || return 0
  read_facts
  begun=$(cat "$promoting_file" 2>/dev/null) || begun=0
  if [ "${fact[role]}" = standby ] && [ "$((EPOCHSECONDS - begun))" -gt 60 ]; then end_promotion; fi
  flock --unlock 9
}

# Nothing is left of it that a later one could take for its own.
end_promotion() { rm -f "$confirmed_file" "$promoting_file"; }

confirm_when_vouched() {
  # Asked again under the lock: what changes the node holds it.
  flock --nonblock 9 || return 0
  read_facts full
  ask_peer
  [ "${fact[state]}" = unconfirmed ] || return 0
  if ! peer_vouches; then
    if [ "$doubt" != "$(cat "$run/doubt" 2>/dev/null)" ]; then say "stays closed: $doubt"; fi
    printf '%s\n' "$doubt" >"$run/doubt"
    # Open as a standby, and promoted by somebody's own hand since.
    if bouncer_runs; then close_door; fi
    return 0
  fi
  rm -f "$run/doubt"
  confirm_primary
  open_door
  say "is the primary on timeline ${fact[timeline]}: $PEER knows of no newer one"
}

fit_door() {
  if may_open; then
    bouncer_runs || { flock --nonblock 9 && read_facts && may_open && open_door; }
  elif bouncer_runs; then
    flock --nonblock 9 || return 0
    read_facts
    case ${fact[state]} in
      # Clients that are in are not thrown out because somebody looked at a bad moment.
      hung | down) ;;
      *)
        if ! may_open; then
          say "closes PgBouncer: this node is ${fact[state]}"
          close_door
        fi
        ;;
    esac
  fi
}
