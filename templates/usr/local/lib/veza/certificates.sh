#!/bin/bash
# certificates install | renew [--force] [NAME...] | status | metrics
#   install   gives HAProxy the best certificate there is of each configured one, and the names that have an issued one
#   renew     has the CA issue what is due (NAME: a certificate's first name; --force: also what is not due), then installs
#   status    one line for each configured certificate, TAB-separated: first name, names, state (issued, placeholder or
#             missing), issuer, not before, not after, serial, last attempt, its result (ok, failed or none), error, due (yes
#             or no), when all of them were looked at last
#   metrics   the same for Prometheus
# Times are seconds since 1970, 0 for none. Whatever is killed anywhere is made good by the next install or renew.
# shellcheck disable=SC2154
# (settings are a library's)
set -euo pipefail
umask 077

libraries=/usr/local/lib/veza/certificates.d
for library in settings pem store handover attempts reason dns issue report; do
  # shellcheck source=/dev/null
  . "$libraries/$library.sh"
done

usage() {
  echo "usage: certificates install | renew [--force] [NAME...] | status | metrics" >&2
  exit 2
}

main() {
  local verb=${1-}
  [ "$#" -eq 0 ] || shift
  case $verb in
    install | status | metrics) [ "$#" -eq 0 ] || usage ;;
    renew) ;;
    *) usage ;;
  esac
  read_settings
  case $verb in
    install)
      hold_lock "$LOCK_SECONDS"
      install_all
      ;;
    renew)
      hold_lock "$renewal_lock_seconds"
      renew "$@"
      ;;
    status) status ;;
    metrics) metrics ;;
  esac
}

main "$@"
