# shellcheck shell=bash disable=SC2154
# (what is not assigned here is rollout.sh's)
# What an instance tells load balancers through its agent, and what it sees of itself in their statistics.

balancers=() # those that answered at the beginning

place_agent() {
  place /etc/systemd/system/veza-agent.service
  place /usr/local/lib/veza/
}

start_agent() {
  place_agent
  restart_agent || fail "$INSTANCE: the agent (veza-agent.service) does not start. The application was not touched"
}

restart_agent() {
  # To enable is to have systemd read its units anew.
  systemctl enable --quiet veza-agent && systemctl restart veza-agent
}

agent_says() { # LINE
  printf '%s\n' "$1" >/run/veza/.agent
  mv -f /run/veza/.agent /run/veza/agent
}

# Prints what one load balancer says of this server: STATUS WEIGHT SESSIONS ADDRESS:PORT, and how many OTHERS of the
# pool take requests. Prints `absent` when it does not know the server, or only at the address of another container;
# fails when it does not answer.
seen_by() { # ADDRESS:PORT
  local csv
  csv=$(curl -fs --max-time 2 "http://$1/stats;csv") || return 1
  awk -F, -v pool="$POOL" -v server="$INSTANCE" -v address="$ADDRESS" -v port="$PORT" '
    NR == 1 { sub(/^# */, ""); for (n = 1; n <= NF; n++) column[$n] = n; next }
    $column["pxname"] != pool || $column["svname"] ~ /^(FRONTEND|BACKEND)$/ { next }
    { split($column["status"], status, " "); weight = $column["weight"] + 0 }
    $column["svname"] == server {
      known = "addr" in column ? $column["addr"] : address ":" port
      if (index(known, address ":") == 1) row = status[1] " " weight " " $column["scur"] + $column["qcur"] " " known
      next
    }
    status[1] == "UP" && weight > 0 { others++ }
    END { print row == "" ? "absent" : row " " others + 0 }' <<<"$csv"
}

find_load_balancers() {
  local balancer row known
  for balancer in $LOAD_BALANCERS; do
    if row=$(seen_by "$balancer") || { sleep 1; row=$(seen_by "$balancer"); }; then
      balancers+=("$balancer")
      read -r _ _ _ known _ <<<"$row"
      [ "${known:-$ADDRESS:$PORT}" = "$ADDRESS:$PORT" ] ||
        note "$INSTANCE: load balancer $balancer knows it as $known, and gives it no requests until its own configuration has changed"
    else
      note "$INSTANCE: load balancer $balancer does not answer and is not waited for"
    fi
  done
}

# Status of an operator's own drain (DRAIN with its weight) or maintenance (MAINT) is as good as UP: it is left alone.
gives_no_requests() { [ "$1" = MAINT ] || [ "$2" -eq 0 ]; }
holds_no_sessions() { [ "$3" -eq 0 ]; }
# One that knows another port cannot give requests before its own configuration follows, which waits for this roll-out.
gives_requests() {
  [ "$4" = "$ADDRESS:$PORT" ] || return 0
  case $1 in UP | DRAIN) [ "$2" -gt 0 ] ;; MAINT) ;; *) return 1 ;; esac
}

# Waits until all load balancers agree; `why` names those that do not. One that falls silent for 5 s is left out.
all_agree_within() { # SECONDS TEST
  local deadline=$((SECONDS + $1)) balancer row
  local -A silent=()
  while :; do
    why=
    for balancer in "${balancers[@]}"; do
      [ "${silent[$balancer]:-0}" -lt 5 ] || continue
      if row=$(seen_by "$balancer"); then
        silent[$balancer]=0
        # shellcheck disable=SC2086 # a row is words
        [ "$row" = absent ] || "$2" $row || why+=" $balancer (${row% *})"
      else
        silent[$balancer]=$((${silent[$balancer]:-0} + 1))
        why+=" $balancer (no answer)"
      fi
    done
    [ -n "$why" ] || return 0
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 1
  done
}

# Without another server in the pool a drain would only make the outage longer.
is_alone() {
  local balancer row
  for balancer in "${balancers[@]}"; do
    row=$(seen_by "$balancer") || continue
    [ "$row" = absent ] || [ "${row##* }" -gt 0 ] || return 0
  done
  return 1
}

take_out() {
  if ! systemctl is-active --quiet "$APP"; then return; fi
  if is_alone; then
    note "$INSTANCE: no other server of $POOL takes requests: restarted without a drain"
    return
  fi
  agent_says '0%'
  all_agree_within 10 gives_no_requests ||
    fail "$INSTANCE: a load balancer goes on sending requests 10 s after this instance asked it not to (status, weight, sessions, address):$why. Does its agent check work?"
  all_agree_within "$DRAIN_SECONDS" holds_no_sessions ||
    note "$INSTANCE: still has sessions after $DRAIN_SECONDS s (drainSeconds), which end now (status, weight, sessions, address):$why"
}

# How soon the application is well says nothing of how soon a load balancer's own checks see it.
take_in() {
  local limit=$((HEALTH_SECONDS > 20 ? HEALTH_SECONDS : 20))
  local deadline=$((SECONDS + limit))
  # Said again and again, because the agent says `up 100%` for 15 s only.
  until agent_says 'up 100%' && all_agree_within 5 gives_requests; do
    [ "$SECONDS" -lt "$deadline" ] || {
      why="a load balancer does not give it requests within $limit s (status, weight, sessions, address):$why"
      [ "$(known_health_path)" = "$HEALTH_PATH" ] ||
        why+=". Load balancers still check $(known_health_path), and learn the new healthPath after this roll-out: the version that changes it has to answer at both"
      return 1
    }
  done
}
