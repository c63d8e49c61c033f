#!/bin/bash
# haproxy-control set-server POOL/SERVER STATE | save-state | start-down | reload | check-servers | use-certificate PEM | use-map MAP | remove-certificates PEM...
#   set-server       what an operator wants of a server: ready, drain or maint; kept for later starts and reloads
#   save-state       keeps drain, maint, health and weights for the next start or reload
#   start-down       has servers that are listed for it begin as down, whatever was saved: for a start, not a reload
#   reload           saves, then has the running HAProxy take over the current configuration, and says what it said
#   check-servers    fails when a running server's address is not the configured one
#   use-certificate  has the running HAProxy serve what is in that file, without a reload, and proves that it does
#   use-map          the same for the entries of a map
# These two do nothing, and say so, when HAProxy does not run: it reads the file when it starts. Of a file that the
# running one does not have they say that, too, and use-certificate ends with 3 then: it is not served before a reload.
#   remove-certificates  removes these files, which HAProxy reads from a directory, and has it forget them by a reload
# When the last three fail, what HAProxy served before is what it serves.
set -euo pipefail

config=/etc/haproxy/current/haproxy.cfg
starts_down=/etc/haproxy/current/starts-down
state=/var/lib/haproxy/server-state
admin=/run/haproxy/admin.sock
master=/run/haproxy-master.sock
lock=/run/veza/haproxy.lock

ask() { # SOCKET SECONDS COMMAND
  printf '%s\n' "$3" | timeout "$(($2 + 1))" socat -t "$2" - "UNIX-CONNECT:$1" 2>/dev/null
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

## Files that HAProxy has read, and that have changed since

# One at a time with a reload: a new worker that has read the old file just before would be asked nothing.
alone() {
  mkdir -p "${lock%/*}"
  exec 9>"$lock"
  flock -w 30 9 || {
    echo "another haproxy-control has been at work for 30 s ($lock)" >&2
    return 1
  }
}

# True when HAProxy can be told something. One that starts has read its files already, or is about to: it is waited for.
running() {
  local deadline=$((SECONDS + 30)) state
  until ask "$admin" 5 'show version' >/dev/null; do
    state=$(systemctl show -P ActiveState -P SubState haproxy | paste -sd/)
    case $state in
      inactive/* | failed/* | */auto-restart*)
        echo "haproxy does not run ($state): it reads $1 when it starts"
        return 1
        ;;
    esac
    if [ "$SECONDS" -ge "$deadline" ]; then
      echo "haproxy ($state) does not answer on $admin" >&2
      exit 1
    fi
    sleep 0.2
  done
}

unknown() { echo "the running haproxy has no $1: it reads it when it is told to"; } # FILE

answer() { # COMMAND
  ask "$admin" 5 "$1" || {
    echo "haproxy did not answer '$1' on $admin within 5 s" >&2
    return 1
  }
}

# Says a command and what goes with it (lines on standard input, none of them empty), and prints the answer.
tell() { # COMMAND
  { printf '%s <<\n' "$1"; cat; printf '\n'; } | timeout 31 socat -t 30 - "UNIX-CONNECT:$admin" 2>/dev/null
}

use_certificate() { # PEM
  local wanted said pending
  wanted=$(openssl x509 -in "$1" -noout -fingerprint -sha1 2>/dev/null | sed 's/.*=//; s/://g') || {
    echo "there is no certificate in $1" >&2
    return 1
  }
  running "$1" || return 0
  said=$(answer 'show ssl cert')
  # Nobody else is at work, so one that was begun is one that was not ended.
  pending=$(sed -n 's/^\*//p' <<<"$said" | head -n 1)
  [ -z "$pending" ] || ask "$admin" 5 "abort ssl cert $pending" >/dev/null
  grep -qxF "$1" <<<"$said" || {
    unknown "$1" >&2
    return 3
  }
  [ "$(certificate_in_use "$1")" != "$wanted" ] || return 0
  if [ "$(stat -c %s "$1")" -gt "$(($(buffer_bytes) - 2048))" ]; then
    use_by_reload "$1" "$wanted"
    return
  fi
  said=$(grep -v '^[[:space:]]*$' "$1" | tell "set ssl cert $1") || said='it did not answer'
  if [[ $said != *'Transaction created for certificate'* ]]; then
    echo "haproxy does not take $1: $(tr '\n' ' ' <<<"$said")" >&2
    return 1
  fi
  said=$(ask "$admin" 30 "commit ssl cert $1") || said='it did not answer'
  if [ "$(certificate_in_use "$1")" != "$wanted" ]; then
    ask "$admin" 5 "abort ssl cert $1" >/dev/null || :
    echo "haproxy took $1 and does not use it: $(tr '\n' ' ' <<<"$said")" >&2
    return 1
  fi
  echo "haproxy uses $1"
}

# One command with all that it brings has to fit into one of HAProxy's buffers, which keeps a part for itself; a file
# may be of any size. The last line counts: a user may have one, too.
buffer_bytes() { awk '$1 == "tune.bufsize" { bytes = $2 } END { print bytes ? bytes : 16384 }' "$config"; }

use_by_reload() { # PEM FINGERPRINT
  local deadline
  reload || {
    echo "haproxy does not take $1, which is too big for its buffer, by a reload either" >&2
    return 1
  }
  # For a moment the old worker is still asked.
  deadline=$((SECONDS + 15))
  until [ "$(certificate_in_use "$1")" = "$2" ]; do
    [ "$SECONDS" -lt "$deadline" ] || {
      echo "haproxy was reloaded and does not use $1" >&2
      return 1
    }
    sleep 0.2
  done
  echo "haproxy uses $1, after a reload: the file is too big for haproxy's buffer"
}

certificate_in_use() { # PEM: its fingerprint
  answer "show ssl cert $1" | sed -n 's/^SHA1 FingerPrint: //p'
}

use_map() { # MAP
  local wanted said version part
  wanted=$(entries <"$1")
  running "$1" || return 0
  said=$(answer 'show map')
  grep -qF " ($1) " <<<"$said" || {
    unknown "$1"
    return 0
  }
  [ "$(map_in_use "$1")" != "$wanted" ] || return 0
  version=$(answer "prepare map $1" | sed -n 's/^New version created: //p')
  # In parts, because one command has to fit into one of HAProxy's buffers.
  while [ -n "$wanted" ] && mapfile -t -n 50 part && [ "${#part[@]}" -gt 0 ]; do
    said=$(printf '%s\n' "${part[@]}" | tell "add map @$version $1") || said='it did not answer'
    [ -z "$said" ] || {
      echo "haproxy does not take $1: $(tr '\n' ' ' <<<"$said")" >&2
      return 1
    }
  done <<<"$wanted"
  said=$(ask "$admin" 5 "commit map @$version $1") || said='it did not answer'
  [ "$(map_in_use "$1")" = "$wanted" ] || {
    echo "haproxy took $1 and does not use it: $(tr '\n' ' ' <<<"$said")" >&2
    return 1
  }
  echo "haproxy uses $1"
}

# What HAProxy would not start without comes back. A run that was killed is made good by the next one.
remove_certificates() { # PEM...
  local pem said
  for pem; do
    [ ! -f "$pem" ] || mv -fT "$pem" "$(aside "$pem")"
  done
  if ! said=$(starts_without 2>&1) || { systemctl is-active --quiet haproxy && ! said=$(reload 2>&1); }; then
    for pem; do
      [ ! -f "$(aside "$pem")" ] || mv -fT "$(aside "$pem")" "$pem"
    done
    echo "haproxy does not do without $*:
$(grep -F '[ALERT]' <<<"$said" || printf '%s' "$said")" >&2
    return 1
  fi
  for pem; do rm -f "$(aside "$pem")"; done
}

# A name that HAProxy skips.
aside() { printf '%s/.%s.removed' "${1%/*}" "${1##*/}"; } # PEM

starts_without() {
  [ ! -f "$config" ] || STATE_FILE=/dev/null timeout 30 haproxy -c -f "$config"
}

# What a map file says, in one order.
entries() { awk '!/^[[:space:]]*(#|$)/ { $1 = $1; print }' | LC_ALL=C sort; }

map_in_use() { # MAP: as `entries`
  answer "show map $1" | cut -d' ' -f2- | entries
}

case ${1-}:$# in
  set-server:3) alone; set_server "$2" "$3" ;;
  save-state:1) save_state ;;
  start-down:1) start_down ;;
  reload:1) alone; reload ;;
  check-servers:1) check_servers ;;
  use-certificate:2) alone; use_certificate "$2" ;;
  use-map:2) alone; use_map "$2" ;;
  remove-certificates:[2-9] | remove-certificates:[1-9][0-9]*) alone; remove_certificates "${@:2}" ;;
  *)
    echo "usage: haproxy-control set-server POOL/SERVER STATE | save-state | start-down | reload | check-servers | use-certificate PEM | use-map MAP | remove-certificates PEM..." >&2
    exit 2
    ;;
esac
