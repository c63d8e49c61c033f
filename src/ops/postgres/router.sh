# shellcheck shell=bash disable=SC2154
# (the sockets are socket.sh's, which goes in front)
# Runs inside a router (see inside.sh): each line is VERB NODE, what it does with a node.
#   close  the node gets no new connections, and its sessions end in every worker, also in those from before a reload
#   open   the node takes connections now, without waiting for its checks, which go on
#   ready  the node takes part again, as one that is down until its checks say otherwise

# Incus can lose what is printed right before the end.
trap 'sleep 0.05' EXIT

pool=pg-primary

# Several commands in one breath; each answers with nothing when it was done.
tell() { # COMMAND; COMMAND…
  local said
  said=$(answer "$1")
  [ -z "${said//[[:space:]]/}" ] || fail "'$1': $said"
}

fail() { printf '%s: %s\n' "$(hostname)" "$1" >&2; exit 1; }

# A server that tracks another has its health from there.
checked() { # NODE
  local tracked
  tracked=$(awk -v pool="$pool" -v node="$1" '
    $1 ~ /^(backend|listen|frontend)$/ { section = $2 }
    section == pool && $1 == "server" && $2 == node { for (i = 3; i < NF; i++) if ($i == "track") print $(i + 1) }
  ' /etc/haproxy/current/haproxy.cfg)
  printf '%s\n' "${tracked:-$pool/$1}"
}

workers() { ask "$master" 5 'show proc' | awk '$2 == "worker" { print $1 }'; }

sessions() { # PID NODE
  ask "$master" 5 "@!$1 show stat" |
    awk -F, -v pool="$pool" -v node="$2" '
      $1 == "# pxname" { for (i = 1; i <= NF; i++) at[$i] = i }
      $1 == pool && $2 == node { print $at["scur"] }'
}

close() { # NODE
  local pid all
  tell "set server $pool/$1 state maint"
  all=$(workers) || :
  [ -n "$all" ] || fail "its master process does not say which workers it has"
  for pid in $all; do
    for _ in 1 2 3 4 5 6 7 8 9 10; do
      ask "$master" 5 "@!$pid shutdown sessions server $pool/$1" >/dev/null || fail "its master process does not answer"
      # An old worker may have ended since.
      [ "$(sessions "$pid" "$1" || echo 0)" != 0 ] || continue 2
      sleep 0.02
    done
    grep -qx "$pid" <<<"$(workers)" || continue
    fail "worker $pid still has sessions on $1"
  done
}

do_as_told() { # VERB NODE
  case $1 in
    close) close "$2" ;;
    open) tell "set server $pool/$2 state ready; set server $(checked "$2") health up" ;;
    # One that leaves maintenance counts as up until a check has failed.
    ready)
      tell "set server $pool/$2 state ready; set server $(checked "$2") health down"
      /usr/local/lib/veza/haproxy-control save-state
      ;;
  esac
}

main() {
  local verb node
  echo end
  while read -r verb node; do
    do_as_told "$verb" "$node" </dev/null
    echo end
  done
}
main
