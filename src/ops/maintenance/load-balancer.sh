# shellcheck shell=bash disable=SC2154
# (the socket is socket.sh's, which goes in front)
# Runs inside a load balancer. Parameters: MAP, and DO, which is one of
#   close  closes out whom ENTRIES (lines of the map) say
#   open   lets everybody in, once SERVERS (POOL/NAME, separated by blanks) take requests, within WAIT seconds
#   look   prints what is so now: `known yes|no`, `haproxy STATE`, and the entries of the map, as `file ENTRY` on disk and
#          as `live ENTRY` in the running HAProxy; `allowed NETWORKS` by config
# The file comes first and then the running HAProxy, so that any reload or restart finds the same.
: "${DO:?}" "${MAP:?}"

config=/etc/haproxy/current/haproxy.cfg
control=/usr/local/lib/veza/haproxy-control

fail() { printf '%s\n' "$1" >&2; exit 1; }

knows() { [ -f "$config" ] && grep -qF "opt@$MAP)" "$config"; }

put() { # its entries on standard input
  local incoming=${MAP%/*}/.${MAP##*/}.new said
  mkdir -p "${MAP%/*}"
  cat >"$incoming"
  sync "$incoming"
  mv -f "$incoming" "$MAP"
  said=$("$control" use-map "$MAP" 2>&1) || fail "$said"
  case $said in
    *' has no '*) fail "what runs is not the configuration on disk ($said): systemctl reload haproxy in this container, then try again" ;;
    'haproxy uses '*) ;;
    *) printf '%s\n' "$said" ;;
  esac
}

close() {
  knows || fail 'its configuration knows no maintenance yet, so it was left as it is: bin/pulumi up brings it'
  printf '%s' "${ENTRIES:?}" | put
}

# Servers of the list that take no requests. One that an operator has drained or taken out is not expected to.
not_up() {
  local now
  now=$(ask "$admin" 5 'show servers state')
  [ "${now%%$'\n'*}" = 1 ] || { printf '(haproxy does not answer)\n'; return; }
  awk -v list=" $SERVERS " '
    $1 == "#" { for (i = 2; i <= NF; i++) at[$i] = i - 1; next }
    NF > 1 && index(list, " " $at["be_name"] "/" $at["srv_name"] " ") && $at["srv_admin_state"] == 0 && $at["srv_op_state"] == 0 {
      print $at["be_name"] "/" $at["srv_name"]
    }' <<<"$now"
}

open() {
  local deadline=$((SECONDS + ${WAIT:?})) missing
  if [ -n "${SERVERS?}" ] && systemctl is-active --quiet haproxy; then
    until missing=$(not_up) && [ -z "$missing" ]; do
      [ "$SECONDS" -lt "$deadline" ] ||
        fail "still closed: after $WAIT s these servers take no requests: $(tr '\n' ' ' <<<"$missing")"
      sleep 0.5
    done
  fi
  # Where there is no file there is nothing to take back, and perhaps nobody who knows of it.
  if [ ! -e "$MAP" ]; then return; fi
  put </dev/null
  rm -f "$MAP"
}

look() {
  local state live=
  state=$(systemctl is-active haproxy) || :
  if ! knows; then
    printf 'known no\n'
  else
    printf 'known yes\n'
    sed -n 's/.*maintenance\.html if { \(var(txn\.closed)\|src,map_ip([^ ]*)\) -m str yes } !{ src \(.*\) }$/allowed \2/p' "$config"
    if [ "$state" = active ]; then live=$(ask "$admin" 5 "show map $MAP") || state=silent; fi
    sed -n 's/^0x[0-9a-f]* /live /p' <<<"$live"
  fi
  printf 'haproxy %s\n' "$state"
  if [ -f "$MAP" ]; then sed 's/^/file /' "$MAP"; fi
}

main() {
  case $DO in
    close) close ;;
    open) open ;;
    look) look ;;
  esac
}
