#!/bin/bash
# haproxy-control save-state | reload | check-servers
#   save-state     keeps drain, maint, health and weights for the next start or reload
#   reload         saves, then has the running HAProxy take over the current configuration, and says what it said
#   check-servers  fails when a running server's address is not the configured one
set -euo pipefail

config=/etc/haproxy/current/haproxy.cfg
state=/var/lib/haproxy/server-state
admin=/run/haproxy/admin.sock
master=/run/haproxy-master.sock

ask() { # SOCKET SECONDS COMMAND
  printf '%s\n' "$3" | timeout "$(($2 + 1))" socat -t "$2" - "UNIX-CONNECT:$1" 2>/dev/null
}

# The running servers' state, with what only the configuration may decide corrected: HAProxy takes addresses and
# ports from its state file without a word, even when the configuration has new ones.
# A weight of 0 on a server with an agent is what the agent said, and it may say so no more when the file is read: by
# then a roll-out can be over, and an agent's plain `up` leaves weights alone. One that still means it says it within a
# second.
# MODE state prints the file, MODE differences only the servers that run with another address.
compare() { # MODE < show servers state
  awk -v mode="$1" '
    function enabled(check_state) { return int(check_state / 4) % 2 }
    function set(name, value) { if (name in at) $at[name] = value }
    FILENAME == ARGV[1] {
      if ($1 ~ /^(global|defaults|frontend|backend|listen|peers|resolvers|userlist|mailers|cache|program|ring|log-forward|http-errors|fcgi-app|crt-store)$/)
        section = $1 == "backend" || $1 == "listen" ? $2 : ""
      if (section != "" && $1 == "server" && $3 ~ /^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+:[0-9]+$/) {
        split($3, part, ":")
        address[section, $2] = part[1]
        port[section, $2] = part[2]
      }
      next
    }
    $1 == "#" {
      for (i = 2; i <= NF; i++) at[$i] = i - 1
    }
    $1 != "#" && NF > 1 && (($at["be_name"], $at["srv_name"]) in address) {
      key = $at["be_name"] SUBSEP $at["srv_name"]
      was = $at["srv_addr"] ":" $at["srv_port"]
      if (mode == "differences" && was != address[key] ":" port[key])
        print $at["be_name"] "/" $at["srv_name"] " runs as " was ", configured is " address[key] ":" port[key]
      set("srv_addr", address[key])
      set("srv_port", port[key])
      set("srv_check_port", 0)
      set("srv_agent_port", 0)
      set("srv_check_addr", "-")
      set("srv_agent_addr", "-")
      if (enabled($at["srv_agent_state"]) && $at["srv_uweight"] == 0) set("srv_uweight", $at["srv_iweight"])
    }
    mode == "state"' "$config" -
}

running_state() {
  local answer
  answer=$(ask "$admin" 5 'show servers state') || return 1
  [ "${answer%%$'\n'*}" = 1 ] || return 1
  printf '%s\n' "$answer"
}

save_state() {
  local now
  if ! now=$(running_state); then
    # Nothing runs, so nothing is newer than what was saved last; without any, an empty state is right.
    [ -s "$state" ] || printf '1\n' >"$state"
    return 0
  fi
  compare state <<<"$now" >"$state.new"
  mv -f "$state.new" "$state"
}

reload() {
  local answer
  save_state
  answer=$(ask "$master" 60 reload) || {
    echo "haproxy's master did not answer on $master within 60 s" >&2
    return 1
  }
  case $answer in
    Success=1*) ;;
    *)
      sed '/^Success=0$/d; /^--$/d' <<<"$answer" >&2
      return 1
      ;;
  esac
}

check_servers() {
  local now different
  now=$(running_state) || {
    echo "haproxy did not answer on $admin" >&2
    return 1
  }
  different=$(compare differences <<<"$now")
  [ -z "$different" ] || {
    printf '%s\n' "$different" >&2
    return 1
  }
}

case ${1-} in
  save-state) save_state ;;
  reload) reload ;;
  check-servers) check_servers ;;
  *)
    echo "usage: haproxy-control save-state | reload | check-servers" >&2
    exit 2
    ;;
esac
