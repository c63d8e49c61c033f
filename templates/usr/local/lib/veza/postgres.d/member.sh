# shellcheck shell=bash disable=SC2154
# (settings, facts and the peer are other libraries')
# What a node is in the pair, and how it becomes the other.

start_seconds=120

## Becoming one of the pair

# Does nothing to data that is there, whatever it is: what operators have made of the node stays.
bootstrap() {
  local problem deadline
  prepare_directories
  read_facts full
  if [ "${fact[data]}" != none ]; then
    problem=$(start_problem)
    if [ -n "$problem" ]; then
      say "has data, and was left as it is: $problem"
    else
      [ -n "${fact[postmaster]}" ] || start_postgres "$start_seconds"
      say "has data, and runs as a ${fact[data]}"
    fi
    return 0
  fi
  ask_peer
  if [ "${peer[reachable]}" != true ]; then
    fail "it has no data, and $PEER does not answer, which may have some. Nothing was changed. Have $PEER run first (its pg-health answers on port $HEALTH_PORT)"
  elif [ "${peer[data]}" != none ]; then
    must_follow "there is nothing to copy"
    copy_from_peer
    joined
    # It has waited for somebody to say that it is the only one.
    deadline=$((SECONDS + 30))
    until ask_peer && [ "${peer[state]-}" = primary ]; do
      [ "$SECONDS" -lt "$deadline" ] || fail "it follows $PEER, and that does not take writes after 30 s: it is ${peer[state]-silent}"
      sleep 0.2
    done
  elif [ "$NODE" = "$INITIAL_PRIMARY" ]; then
    new_cluster
    start_postgres "$start_seconds"
    apply_roles
    say 'runs as a primary, and takes clients as soon as it has a standby'
  else
    fail "it has no data, and neither has $PEER, whose turn it is first. Nothing was changed"
  fi
}

# Takes a standby's connection to its primary for granted only when it is there.
follow_peer() { # SECONDS
  local deadline=$((SECONDS + $1))
  until [ "$(superuser -c "select status from pg_stat_wal_receiver")" = streaming ]; do
    [ "$SECONDS" -lt "$deadline" ] || fail "it runs as a standby, and nothing streams from $PEER after $1 s: $(journalctl -u "$service" -o cat --no-pager -n 3 | tr '\n' ' '). Where $PEER does not have its WAL any more, bin/veza rebuild-standby $NODE copies it anew"
    sleep 0.1
  done
  say "follows $PEER"
}

apply() {
  local waiting problem
  prepare_directories
  read_facts full
  if [ "${fact[data]}" = none ]; then
    say 'has no data yet'
    return 0
  fi
  if [ -z "${fact[postmaster]}" ]; then
    problem=$(start_problem)
    if [ -n "$problem" ]; then
      say "was left as it is: $problem"
      return 0
    fi
    start_postgres "$start_seconds"
  fi
  take_back_altered
  superuser -c 'select pg_reload_conf()' >/dev/null
  if bouncer_runs; then systemctl reload "$bouncer"; fi
  problem=$(superuser -c "select string_agg(format('%s:%s: %s', file_name, line_number, error), '; ') from pg_hba_file_rules where error is not null")
  [ -z "$problem" ] || fail "Postgres does not take its access rules: $problem"
  # What is closed as a primary has nothing to say to databases.
  case ${fact[data]}:${fact[state]} in
    primary:fenced | primary:stale) ;;
    primary:*) apply_roles ;;
  esac
  waiting=$(superuser -c "select string_agg(name, ', ') from pg_settings where pending_restart")
  if [ -n "$waiting" ]; then restart_for "$waiting"; fi
}

# It would count for more than the configuration does.
take_back_altered() {
  local altered
  altered=$(superuser -f "$libraries/other-settings.sql" | sed -n 's/^altered|\([^|]*\)|.*/\1/p' | paste -sd' ')
  [ -n "$altered" ] || return 0
  superuser -c 'alter system reset all'
  say "takes back what ALTER SYSTEM has set: $altered"
}

# A standby is restarted; a primary never is, because clients would notice.
restart_for() { # SETTINGS
  if [ "${fact[data]}" = primary ]; then
    say "goes on with the old values of $1 until Postgres is restarted: bin/veza flip-db, then systemctl restart $service here"
    return 0
  fi
  if [ "$(control_data | control 'max_connections setting')" -gt "$("$bin/postgres" -C max_connections --config-file="$configuration")" ]; then
    say "goes on with the old values of $1: a standby must not have fewer connections than its primary"
    return 0
  fi
  stop_postgres
  start_postgres "$start_seconds"
  say "was restarted for $1"
}

## Closing and opening

fence() { # REASON
  local writing
  write_fence "$1" &
  writing=$!
  close_door
  wait "$writing" || fail "$fence_file could not be written, for the reason above: PgBouncer is closed, and the next start would open it again"
  say "is fenced: $1"
}

write_fence() { # REASON
  remember "$fence_file" "$1
$(TZ=UTC printf '%(%FT%TZ)T' -1)"
}

unfence() {
  read_facts full
  if [ -n "${fact[fenced]}" ]; then
    forget "$fence_file"
    say 'is not fenced any more'
  fi
  [ "${fact[data]}" != none ] || return 0
  start_postgres "$start_seconds"
}

# The operator stands for what the peer cannot say.
confirm() { # [--lose-newer]
  [ -z "$1" ] || [ "$1" = --lose-newer ] || usage
  read_facts full
  if [ "${fact[state]}" = stale ] && [ "$1" = --lose-newer ]; then
    ask_peer
    [ "${peer[reachable]}" != true ] || fail "$PEER answers, and has the newer timeline ${peer[timeline]}: it is the one to go on with. Nothing was changed"
    forget "$newest_file"
    start_postgres "$start_seconds"
    read_facts full
  fi
  case ${fact[state]} in
    unconfirmed) ;;
    primary | bouncer-down) [ "${fact[role]}" = primary ] || fail 'it is a standby; nothing was changed'; say 'is the primary already'; return 0 ;;
    stale) fail "its data is older than what $PEER went on with (timeline $(cut -d' ' -f2 "$newest_file"), here ${fact[timeline]}): 'confirm --lose-newer' gives that up. Nothing was changed" ;;
    *) fail "it is ${fact[state]}${fact[fenced]:+ (${fact[fenced]})}, and only a primary that runs can be confirmed. Nothing was changed" ;;
  esac
  ask_peer
  if [ "${peer[reachable]}" = true ] && ! peer_vouches; then
    case ${peer[data]} in
      none) ;;
      *) fail "$doubt. Nothing was changed" ;;
    esac
  fi
  confirm_primary
  open_door
  say "is the primary on timeline ${fact[timeline]}, on the operator's word"
}

## Primary and standby

# `promoting` is written down before the peer is asked, and the peer does not open while it reads that: of two that
# begin at the same time at least one sees the other.
promote() { # [--after LSN | --peer-is-gone]
  local timeline after=''
  case $#:${1-} in
    0: | 1:--peer-is-gone) ;;
    2:--after) after=$2; [[ $after =~ ^[0-9A-F]+/[0-9A-F]+$ ]] || usage ;;
    *) usage ;;
  esac
  # Clients wait while this runs.
  read_facts full
  [ -z "${fact[fenced]}" ] || fail "it is fenced (${fact[fenced]}). Nothing was changed"
  case ${fact[role]}:${fact[state]} in
    primary:primary | primary:bouncer-down)
      rm -f "$promoting_file"
      bouncer_runs || open_door
      say 'is the primary already'
      return 0
      ;;
    primary:unconfirmed) ;; # an earlier promotion that was cut off
    standby:standby | standby:bouncer-down) ;;
    *) fail "it is ${fact[state]}, and only a standby can be promoted. Nothing was changed" ;;
  esac
  printf '%s\n' "$EPOCHSECONDS" >"$promoting_file"
  ask_peer
  refuse_second_primary "${1-}"
  # Beforehand, so that it is open in the moment in which it is a primary.
  confirm_primary
  timeline=$(sql_seconds=80 superuser -v after="$after" -v replaySeconds=20 -v seconds=55 -f "$libraries/promote.sql") ||
    fail "Postgres was told to become a primary, and nobody knows whether it has. Run the same again; 'postgres status' shows what it is"
  [ "$timeline" != behind ] || {
    end_promotion
    fail "it has not replayed $after within 20 s, so it was not promoted. 'postgres status' shows how far it is"
  }
  [ -n "$timeline" ] || {
    end_promotion
    fail "Postgres was told to become a primary and has not done it within 55 s. Run the same again; 'postgres status' shows what it is"
  }
  rm -f "$promoting_file"
  # That of a standby is open already, and asking systemd takes time.
  [ "${fact[state]}" = standby ] || open_door
  say "is the primary on timeline $timeline"
}

refuse_second_primary() { # [--peer-is-gone]
  local refused=''
  if [ "${peer[reachable]}" != true ]; then
    [ "$1" = --peer-is-gone ] || refused="$PEER does not answer, so nobody knows whether it still takes writes"
  elif [ "${peer[promoting]}" = yes ]; then
    refused="$PEER is being promoted"
  elif [ "${peer[role]}" = primary ] && [ "${peer[state]}" != fenced ] && [ "${peer[state]}" != stale ]; then
    refused="$PEER is a primary (${peer[state]}) and not fenced"
  elif [ "${peer[system]}" = "${fact[system]}" ] && [ "${peer[timeline]:-0}" -gt "${fact[timeline]}" ]; then
    refused="$PEER has the newer timeline ${peer[timeline]}"
  fi
  [ -n "$refused" ] || return 0
  end_promotion
  fail "$refused. It was not promoted"
}

# Also finishes what an earlier one was cut off in.
demote() {
  local state
  read_facts full
  state=${fact[state]}
  ask_peer
  if [ "${fact[role]}" = standby ] && [ "$(superuser -c 'select status from pg_stat_wal_receiver' 2>/dev/null)" = streaming ]; then
    joined
    return 0
  fi
  case ${fact[role]}:$state in
    primary:primary | primary:bouncer-down) fail "it is the primary. Nothing was changed. bin/veza flip-db makes the other node the primary first" ;;
  esac
  must_follow 'it cannot become its standby'
  if [ "${fact[data]}" != none ] && [ "${peer[system]}" != "${fact[system]}" ]; then
    fail "its data is of another cluster than $PEER's. Nothing was changed. bin/veza rebuild-standby $NODE throws it away"
  fi
  close_door
  stop_postgres
  if [ "${fact[data]}" = none ] || ! rewind_to_peer; then
    rm -rf "$data"
    copy_from_peer
  fi
  as_postgres touch "$data/standby.signal"
  sync -f "$data"
  at_peer -v slot="$SLOT" -f "$libraries/keep-slot.sql" >/dev/null || say "has no replication slot on $PEER yet"
  joined
}

# Throws the data away. What is worth keeping of it, the caller has kept.
rebuild() {
  read_facts full
  ask_peer
  case ${fact[role]}:${fact[state]} in
    primary:primary | primary:bouncer-down | primary:unconfirmed | primary:hung)
      fail "it is a primary (${fact[state]}). Nothing was changed. Only a standby, or a node that is fenced or stale, can be rebuilt"
      ;;
  esac
  must_follow 'it cannot be rebuilt from it'
  close_door
  stop_postgres
  say 'throws its data away'
  rm -rf "$data"
  forget "$newest_file"
  copy_from_peer
  joined
}

# A standby that follows needs no fence, and no slots of its own time as a primary, which would keep WAL for nobody.
joined() {
  if ! superuser_answers; then
    # As a standby it may start, fenced or not.
    start_postgres "$start_seconds"
  fi
  follow_peer 60
  superuser -c 'select count(pg_drop_replication_slot(slot_name)) from pg_replication_slots where not active' >/dev/null
  end_promotion
  forget "$fence_file"
  open_door
  say "is a standby of $PEER"
}
