# shellcheck shell=bash disable=SC2154
# (settings are another library's)
# What this node is. `read_facts` sets `fact`:
#   data       none, primary or standby: what its data directory would start as
#   role       primary, standby or down: what Postgres is, or tries to be while it starts or hangs
#   state      primary, standby, fenced, stale, unconfirmed, bouncer-down, hung or down: why it takes writes, or does not
#   timeline   the newest one that its data knows; empty without data
#   system     the cluster's identifier; both nodes of one have the same
#   current receive replay lag streaming  as far as they are known; lag in bytes
#   slot       yes when WAL is kept for the peer
#   fenced     why it is; empty when it is not
#   promoting  yes while it may be on its way to being a primary
#   postmaster the running Postgres, told from an earlier one; empty when none runs

declare -A fact=()

# Bounded: a Postgres that hangs accepts a connection and says nothing.
local_seconds=1

# A refused connection is an answer; only silence is a hang. Routers ask for this all the time, so it starts few programs.
# full: also positions and lag, and what a stopped node's files say.
read_facts() { # [full]
  local status=0 answer
  fact=([data]=none [role]=down [state]=down [timeline]='' [system]='' [current]='' [receive]='' [replay]='' [lag]='' [streaming]=no [slot]=no [fenced]='' [promoting]=no [postmaster]='')
  if [ -f "$data/PG_VERSION" ]; then
    if [ -f "$data/standby.signal" ]; then fact[data]=standby; else fact[data]=primary; fi
  fi
  if [ -f "$fence_file" ]; then fact[fenced]=$(head -n 1 "$fence_file"); fi
  if [ -f "$promoting_file" ]; then fact[promoting]=yes; fi
  fact[postmaster]=$(running_postmaster)
  if [ -n "${fact[postmaster]}" ]; then
    ask_bouncer
    answer=$(ask_postgres "${1-}") || status=$?
    if [ "$status" = 0 ]; then
      IFS='|' read -r 'fact[role]' 'fact[system]' 'fact[timeline]' 'fact[current]' 'fact[receive]' 'fact[replay]' 'fact[lag]' 'fact[streaming]' 'fact[slot]' <<<"$answer"
      if [ "${fact[role]}:${1-}" = standby:full ]; then fact[timeline]=$(newest "${fact[timeline]}" "$(newest_history)"); fi
    else
      fact[role]=${fact[data]}
      offline_facts
    fi
  elif [ "${1-}" = full ] && [ "${fact[data]}" != none ]; then
    offline_facts
  fi
  fact[state]=$(state_of "$status")
  end_bouncer_question
}

state_of() { # exit status of the question to Postgres
  if [ -n "${fact[fenced]}" ]; then
    echo fenced
  elif is_stale; then
    echo stale
  elif [ -z "${fact[postmaster]}" ]; then
    echo down
  elif [ "$1" = 124 ] || [ "$1" = 137 ]; then
    echo hung
  elif [ "$1" != 0 ]; then
    echo down
  elif [ "${fact[role]}" = primary ] && ! is_confirmed; then
    echo unconfirmed
  elif ! bouncer_answers; then
    echo bouncer-down
  else
    echo "${fact[role]}"
  fi
}

# Its peer has gone on from a timeline that this one does not have.
is_stale() {
  local system timeline
  [ "${fact[role]}" = primary ] || { [ "${fact[role]}" = down ] && [ "${fact[data]}" = primary ]; } || return 1
  [ -f "$newest_file" ] || return 1
  read -r system timeline <"$newest_file" || return 1
  [ -n "${fact[timeline]}" ] || offline_facts
  [ "$system" = "${fact[system]}" ] && [ "$timeline" -gt "${fact[timeline]:-0}" ]
}

# Since it was started: what was true before may have changed while it was away.
is_confirmed() { [ -f "$confirmed_file" ] && [ "$(<"$confirmed_file")" = "${fact[postmaster]}" ]; }

# Its process and when that was started; nothing when none runs.
running_postmaster() {
  local pid started program=''
  { read -r pid && read -r _ && read -r started; } 2>/dev/null <"$data/postmaster.pid" || return 0
  read -r program 2>/dev/null <"/proc/$pid/comm" || :
  [ "$program" = postgres ] || return 0
  printf '%s %s\n' "$pid" "$started"
}

ask_postgres() { # [full]
  timeout --kill-after=0.2 "$local_seconds" psql -XAtq -F '|' -h /run/postgresql -p "$POSTGRES_PORT" -U veza_health -d postgres \
    -v peer="$PEER_SLOT" -f "$libraries/${1:+$1-}facts.sql" 2>/dev/null
}

# The smallest question of its protocol (SSLRequest) has an answer of one letter, also where there is no room for clients.
# Asked before Postgres is, and read after; a child asks, because connecting to what hangs can take long.
ask_bouncer() {
  exec {bouncer_says}< <(
    exec 2>/dev/null 3<>"/dev/tcp/127.0.0.1/$BOUNCER_PORT"
    printf '\0\0\0\10\4\322\26\57' >&3
    read -r -N 1 <&3
    printf '%s' "$REPLY"
  )
  bouncer_asker=$!
}

bouncer_answers() {
  local letter=''
  read -r -t "$local_seconds" -N 1 -u "$bouncer_says" letter || :
  [[ $letter == [NS] ]]
}

end_bouncer_question() {
  [ -n "${bouncer_says-}" ] || return 0
  kill "$bouncer_asker" 2>/dev/null || :
  exec {bouncer_says}<&-
  bouncer_says=
}

offline_facts() {
  local name value recovery=0
  while IFS=: read -r name value; do
    value=${value//[[:space:]]/}
    case $name in
      'Database system identifier') fact[system]=$value ;;
      "Latest checkpoint's TimeLineID") fact[timeline]=$value ;;
      "Min recovery ending loc's timeline") recovery=$value ;;
    esac
  done < <(LC_ALL=C as_postgres "$bin/pg_controldata" -D "$data" 2>/dev/null)
  fact[timeline]=$(newest "${fact[timeline]:-0}" "$recovery" "$(newest_history)")
}

# A timeline's history is written before the first write on it. There is one for each promotion that ever was, and they
# come in order.
newest_history() {
  local file newest=00000000
  for file in "$data"/pg_wal/*.history; do
    file=${file##*/}
    if [[ $file =~ ^[0-9A-F]{8}\.history$ ]]; then newest=${file%.history}; fi
  done
  echo "$((16#$newest))"
}

newest() { # NUMBER...
  local number largest=0
  for number; do [ "${number:-0}" -le "$largest" ] || largest=$number; done
  echo "$largest"
}

## The same for others

# For the peer, which reads it line by line.
peer_lines() {
  printf 'node=%s\nrole=%s\nstate=%s\ndata=%s\ntimeline=%s\nsystem=%s\npromoting=%s\n' \
    "$NODE" "${fact[role]}" "${fact[state]}" "${fact[data]}" "${fact[timeline]}" "${fact[system]}" "${fact[promoting]}"
}

# With what the watch has last heard from the peer (`peer`).
details_json() {
  printf '{"node":%s,"role":"%s","state":"%s","timeline":%s,' "$(json "$NODE")" "${fact[role]}" "${fact[state]}" "${fact[timeline]:-null}"
  printf '"lsn":{"current":%s,"receive":%s,"replay":%s},' "$(json "${fact[current]}")" "$(json "${fact[receive]}")" "$(json "${fact[replay]}")"
  printf '"lagBytes":%s,"streaming":%s,' "${fact[lag]:-null}" "$([ "${fact[streaming]}" = yes ] && echo true || echo false)"
  printf '"fenced":%s,' "$([ -n "${fact[fenced]}" ] && json "${fact[fenced]}" || echo false)"
  printf '"peer":{"reachable":%s,"timeline":%s,"role":%s,"state":%s},' "${peer[reachable]:-false}" "${peer[timeline]:-null}" "$(json "${peer[role]-}")" "$(json "${peer[state]-}")"
  printf '"systemIdentifier":%s,"data":"%s"}\n' "$(json "${fact[system]}")" "${fact[data]}"
}

# A JSON string; null for nothing.
json() { # TEXT
  local text=${1//[[:cntrl:]]/ }
  [ -n "$text" ] || { echo null; return; }
  text=${text//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

metrics() {
  local state
  echo '# HELP veza_postgres_state 1 for the state that the node is in.'
  echo '# TYPE veza_postgres_state gauge'
  for state in primary standby fenced stale unconfirmed bouncer-down hung down; do
    printf 'veza_postgres_state{node="%s",state="%s"} %d\n' "$NODE" "$state" "$([ "$state" = "${fact[state]}" ] && echo 1 || echo 0)"
  done
  sample role_primary 'gauge' '1 when Postgres is a primary, whether or not it takes writes.' "$([ "${fact[role]}" = primary ] && echo 1 || echo 0)"
  sample streaming 'gauge' '1 while WAL streams: to the standby on a primary, from the primary on a standby.' "$([ "${fact[streaming]}" = yes ] && echo 1 || echo 0)"
  sample timeline 'gauge' 'Newest timeline that its data knows.' "${fact[timeline]}"
  sample replication_lag_bytes 'gauge' 'WAL that the standby has not replayed, as far as this node knows.' "${fact[lag]}"
  sample peer_reachable 'gauge' '1 when its peer answers it.' "$([ "${peer[reachable]-}" = true ] && echo 1 || echo 0)"
}

sample() { # NAME TYPE HELP VALUE; what is not known is left out
  [ -n "$4" ] || return 0
  printf '# HELP veza_postgres_%s %s\n# TYPE veza_postgres_%s %s\nveza_postgres_%s{node="%s"} %s\n' "$1" "$3" "$1" "$2" "$1" "$NODE" "$4"
}
