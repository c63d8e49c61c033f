# shellcheck shell=bash
# Runs inside a load balancer. Arguments: one of
#   close MAP KEY VALUE...     closes out whom these entries of the map say
#   open MAP SECONDS SERVER... lets everybody in, once these servers (POOL/NAME) take requests, within so many seconds
#   look MAP                   prints what is so now: `known yes|no`, `haproxy STATE`, and the entries of the map, as
#                              `file ENTRY` on disk and as `live ENTRY` in the running HAProxy; `allowed NETWORKS` by config
# The file comes first and then the running HAProxy, so that any reload or restart finds the same.
config=/etc/haproxy/current/haproxy.cfg
control=/usr/local/lib/veza/haproxy-control
admin=/run/haproxy/admin.sock

fail() { printf '%s\n' "$1" >&2; exit 1; }

ask() { timeout 6 socat -t 5 - "UNIX-CONNECT:$admin" <<<"$1" 2>/dev/null; } # COMMAND

knows() { [ -f "$config" ] && grep -qF "opt@$1)" "$config"; } # MAP

put() { # MAP, its entries on standard input
  local incoming=${1%/*}/.${1##*/}.new said
  mkdir -p "${1%/*}"
  cat >"$incoming"
  sync "$incoming"
  mv -f "$incoming" "$1"
  said=$("$control" use-map "$1" 2>&1) || fail "$said"
  case $said in
    *' has no '*) fail "what runs is not the configuration on disk ($said): systemctl reload haproxy in this container, then try again" ;;
    'haproxy uses '*) ;;
    *) printf '%s\n' "$said" ;;
  esac
}

close() { # MAP KEY VALUE...
  local map=$1
  shift
  knows "$map" || fail 'its configuration knows no maintenance yet, so it was left as it is: bin/pulumi up brings it'
  printf '%s %s\n' "$@" | put "$map"
}

# Servers of the list that take no requests. One that an operator has drained or taken out is not expected to.
not_up() { # SERVER...
  local now
  now=$(ask 'show servers state')
  [ "${now%%$'\n'*}" = 1 ] || { printf '(haproxy does not answer)\n'; return; }
  awk -v list=" $* " '
    $1 == "#" { for (i = 2; i <= NF; i++) at[$i] = i - 1; next }
    NF > 1 && index(list, " " $at["be_name"] "/" $at["srv_name"] " ") && $at["srv_admin_state"] == 0 && $at["srv_op_state"] == 0 {
      print $at["be_name"] "/" $at["srv_name"]
    }' <<<"$now"
}

open() { # MAP SECONDS SERVER...
  local map=$1 limit=$2 deadline=$((SECONDS + $2)) missing
  shift 2
  if [ $# -gt 0 ] && systemctl is-active --quiet haproxy; then
    until missing=$(not_up "$@") && [ -z "$missing" ]; do
      [ "$SECONDS" -lt "$deadline" ] ||
        fail "still closed: after $limit s these servers take no requests: $(tr '\n' ' ' <<<"$missing")"
      sleep 0.5
    done
  fi
  # Where there is no file there is nothing to take back, and perhaps nobody who knows of it.
  if [ ! -e "$map" ]; then return; fi
  put "$map" </dev/null
  rm -f "$map"
}

look() { # MAP
  local state live=
  state=$(systemctl is-active haproxy) || :
  if ! knows "$1"; then
    printf 'known no\n'
  else
    printf 'known yes\n'
    sed -n 's/.*maintenance\.html if { var(txn\.closed) -m str yes } !{ src \(.*\) }$/allowed \1/p' "$config"
    if [ "$state" = active ]; then live=$(ask "show map $1") || state=silent; fi
    sed -n 's/^0x[0-9a-f]* /live /p' <<<"$live"
  fi
  printf 'haproxy %s\n' "$state"
  if [ -f "$1" ]; then sed 's/^/file /' "$1"; fi
}

main() {
  "$@"
  echo end
  # Incus can lose what is printed right before the end.
  sleep 0.05
}
main "$@"
