#!/bin/bash
# postgres VERB: the one program that changes a database node. Run as root.
#   bootstrap               gives a node without data some: a new cluster (initial primary), else a copy of its peer
#   apply                   has a running node take over its configuration; on a primary also roles and databases
#   status                  what the node is, as JSON (pg-health's /details)
#   differs                 what its Postgres has otherwise than files and updates say: settings, roles, passwords
#   checkpoint              writes out what is in memory, so that the next stop is short
#   fence REASON...         closes the node to clients and keeps it from being a primary, also after a restart
#   unfence                 takes that back; a primary then waits for its peer's word, as after every start
#   stop-clean [REASON...]  stops Postgres, and fences it when there is a reason; prints `final LSN TIMELINE`, the last
#                           record of its WAL
#   promote [--after LSN | --peer-is-gone]  makes a standby the primary, once it has replayed the record at LSN; refused
#                           while its peer is one that is not fenced
#   demote                  makes an old primary a standby of its peer: rewound, or else copied anew
#   rebuild                 throws a standby's data away and copies the primary's; prints `progress DONE TOTAL` (bytes)
#   confirm [--lose-newer]  the operator's word that no node has newer data: opens a primary whose peer cannot say so
#   gate | bouncer-gate | watch  what systemd runs
# One at a time. Each can be killed anywhere and run again, and prints what it did; what fails says why on one line.
set -euo pipefail
umask 022

libraries=/usr/local/lib/veza/postgres.d
for library in settings facts peer door service roles differs copy member; do
  # shellcheck source=/dev/null
  . "$libraries/$library.sh"
done

usage() {
  sed -n '2,/^# One at a time/{/^# One/d; s/^# \{0,1\}//p}' "$0" >&2
  exit 2
}

must_be_root() { [ "$EUID" = 0 ] || fail "'$1' has to be run as root"; } # VERB

main() {
  local verb=${1-}
  [ "$#" -eq 0 ] || shift
  case $verb:$# in
    status:0) read_facts full; read_peer_note; details_json; return ;;
    gate:0) gate; return ;;
    bouncer-gate:0) bouncer_gate; return ;;
    watch:0) watch; return ;;
    differs:0) must_be_root "$verb"; read_facts; differing; return ;;
    bootstrap:0 | apply:0 | checkpoint:0 | unfence:0 | promote:[012] | demote:0 | rebuild:0 | confirm:[01]) ;;
    fence:0) usage ;;
    fence:* | stop-clean:*) ;;
    *) usage ;;
  esac
  must_be_root "$verb"
  hold_lock
  case $verb in
    bootstrap) bootstrap ;;
    apply) apply ;;
    checkpoint) checkpoint ;;
    fence) fence "$*" ;;
    unfence) unfence ;;
    stop-clean) stop_clean "$*" ;;
    promote) promote "$@" ;;
    demote) demote ;;
    rebuild) rebuild ;;
    confirm) confirm "${1-}" ;;
  esac
}

main "$@"
