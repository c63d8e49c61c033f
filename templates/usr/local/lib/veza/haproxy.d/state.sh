# shellcheck shell=bash disable=SC2154
# (the sockets are socket.sh's)
# What is known of servers at run time, kept over reloads and starts; and the reload.

config=/etc/haproxy/current/haproxy.cfg
starts_down=/etc/haproxy/current/starts-down
state=/var/lib/haproxy/server-state
lock=/run/veza/haproxy.lock

# One at a time with a reload: a new worker that has read the old file just before would be asked nothing.
alone() {
  mkdir -p "${lock%/*}"
  exec 9>"$lock"
  flock -w 30 9 || {
    echo "another haproxy-control has been at work for 30 s ($lock)" >&2
    return 1
  }
}

# The servers' state, with what only the configuration may decide corrected: HAProxy takes addresses and ports from its
# state file without a word, even when the configuration has new ones.
# A weight of 0 on a server with an agent is what the agent said, and it may say so no more when the file is read: by
# then a roll-out can be over, and an agent's plain `up` leaves weights alone. One that still means it says it within a
# second.
# HAProxy takes a server that it has no state of for up, so one that is listed as starting down gets a line.
# MODE state prints the file, MODE start the same with all listed servers down, MODE differences only the servers that
# run with another address.
compare() { # MODE < show servers state
  local down=$starts_down
  [ -f "$down" ] || down=/dev/null
  awk -v mode="$1" '
    function enabled(check_state) { return int(check_state / 4) % 2 }
    function set(name, value) { if (name in at) $at[name] = value }
    # With status 0 it would never be checked.
    function never_checked() { set("srv_op_state", 0); set("srv_check_health", 0); set("srv_check_status", 1); set("srv_check_result", 0) }
    FILENAME == ARGV[1] {
      if ($1 ~ /^(global|defaults|frontend|backend|listen|peers|resolvers|userlist|mailers|cache|program|ring|log-forward|http-errors|fcgi-app|crt-store)$/)
        section = $1 == "backend" || $1 == "listen" ? $2 : ""
      if (section != "" && $1 == "server" && $3 ~ /^[A-Za-z0-9.-]+:[0-9]+$/) {
        split($3, part, ":")
        # Where a name leads is decided at run time.
        if (part[1] ~ /^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$/) address[section, $2] = part[1]
        port[section, $2] = part[2]
      }
      next
    }
    FILENAME == ARGV[2] {
      if ($1 != "#") down[$1, $3] = $0
      next
    }
    $1 == "#" {
      for (i = 2; i <= NF; i++) {
        at[$i] = i - 1
        empty = empty ($i ~ /_(addr|fqdn)$|srvrecord/ ? "- " : $i ~ /weight$|srv_f_forced_id/ ? "1 " : "0 ")
      }
    }
    $1 != "#" && NF > 1 && (($at["be_name"], $at["srv_name"]) in port) {
      key = $at["be_name"] SUBSEP $at["srv_name"]
      backends[$at["be_name"]] = $at["be_id"]
      was = $at["srv_addr"] ":" $at["srv_port"]
      wanted = (key in address ? address[key] : $at["srv_addr"]) ":" port[key]
      if (mode == "differences" && was != wanted)
        print $at["be_name"] "/" $at["srv_name"] " runs as " was ", configured is " wanted
      if (key in address) set("srv_addr", address[key])
      set("srv_port", port[key])
      set("srv_check_port", 0)
      set("srv_agent_port", 0)
      set("srv_check_addr", "-")
      set("srv_agent_addr", "-")
      if (enabled($at["srv_agent_state"]) && $at["srv_uweight"] == 0) set("srv_uweight", $at["srv_iweight"])
      if (mode == "start" && key in down) never_checked()
      delete down[key]
    }
    mode != "differences" && NF > 0
    END {
      if (mode == "differences") exit
      for (key in down) {
        split(down[key], part, " ")
        $0 = empty
        set("be_id", part[1] in backends ? backends[part[1]] : 0)
        set("be_name", part[1])
        set("srv_id", part[2])
        set("srv_name", part[3])
        set("srv_addr", part[4])
        set("srv_port", part[5])
        never_checked()
        print
      }
    }' "$config" "$down" -
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
  compare state <<<"$now" >"$state.new" || return 1
  mv -f "$state.new" "$state"
}

# Columns of HAProxy 3.0, for a start without a saved state.
columns='# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port'

start_down() {
  local saved
  saved=$(cat "$state" 2>/dev/null) || :
  [[ $saved == *"# be_id "* ]] || saved=1$'\n'$columns
  compare start <<<"$saved" >"$state.new"
  mv -f "$state.new" "$state"
}

reload() {
  local answer
  save_state || return 1
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

set_server() { # POOL/SERVER STATE
  local said
  said=$(answer "set server $1 state $2") || return 1
  # It says something only when it did not do it.
  [ -z "${said//[[:space:]]/}" ] || {
    echo "haproxy does not set $1 to $2: $(tr '\n' ' ' <<<"$said")" >&2
    return 1
  }
  save_state
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
