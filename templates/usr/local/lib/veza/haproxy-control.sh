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

libraries=/usr/local/lib/veza/haproxy.d
for library in socket state files; do
  # shellcheck source=/dev/null
  . "$libraries/$library.sh"
done

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
