#!/bin/bash
# shellcheck disable=SC2154
# (facts are a library's)
# Answers one HTTP request on standard output. Started once for each connection, as the user postgres.
#   /details  what the node is, as JSON      /metrics  for Prometheus      /peer  for the other node
#   anything else  200 `primary` when this node takes writes, 503 and the reason when it does not
set -euo pipefail

libraries=/usr/local/lib/veza/postgres.d
answered=/run/pg-health/answered # what was said to routers last
for library in settings facts peer; do
  # shellcheck source=/dev/null
  . "$libraries/$library.sh"
done

# Only what is new is worth a line in the journal.
log_change() { # STATE
  local before=''
  { read -r before <"$answered"; } 2>/dev/null || :
  [ "$1" != "$before" ] || return 0
  { printf '%s\n' "$1" >"$answered"; } 2>/dev/null || :
  printf 'says %s%s\n' "$1" "${before:+, after $before}" >&2
}

answer() { # STATUS TYPE BODY
  printf 'HTTP/1.0 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s\n' "$1" "$2" "$((${#3} + 1))" "$3"
}

main() {
  local path=/ line
  IFS=' ' read -r -t 2 _ path line || exit 0
  # The headers, so that the client is done writing when this is closed.
  while [ "$SECONDS" -lt 5 ] && IFS= read -r -t 2 line && [ -n "${line%$'\r'}" ]; do :; done
  case ${path%$'\r'} in
    /details)
      read_facts full
      read_peer_note
      answer '200 OK' application/json "$(details_json)"
      ;;
    /metrics)
      read_facts full
      read_peer_note
      answer '200 OK' 'text/plain; version=0.0.4' "$(metrics)"
      ;;
    /peer)
      read_facts full
      answer '200 OK' text/plain "$(peer_lines)"
      ;;
    *)
      read_facts
      if [ "${fact[state]}" = primary ]; then
        answer '200 OK' text/plain primary
      else
        answer '503 Service Unavailable' text/plain "${fact[state]}"
      fi
      log_change "${fact[state]}"
      ;;
  esac
}

main
