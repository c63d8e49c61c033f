#!/bin/bash
# shellcheck disable=SC2154
# (settings are a library's)
# What dehydrated calls on its way (HOOK). Puts a new certificate to work, and keeps the CA's own words when it refuses.
# Calls that it does not know end well: dehydrated asks for that.
set -euo pipefail
umask 077

libraries=/usr/local/lib/veza/certificates.d
for library in settings pem store handover attempts reason; do
  # shellcheck source=/dev/null
  . "$libraries/$library.sh"
done

deploy() { # NAME KEY CERTIFICATE FULLCHAIN CHAIN TIMESTAMP
  local said=$run/said
  read_settings
  # Run by `certificates renew` it holds the lock already; run by hand it does not.
  [ -n "${VEZA_RENEWAL-}" ] || hold_lock "$renewal_lock_seconds"
  if { store_certificate "$1" "$4" "$2" && read_issued && hand_over "$1" && write_map; } >"$said" 2>&1; then
    : >"$run/deployed"
    return
  fi
  said=$(<"$said")
  said=${said:-it could not be stored below $VOLUME}
  keep_reason "$said"
  printf '%s: %s\n' "$1" "$said" >&2
  return 1
}

case ${1-} in
  deploy_cert) deploy "${@:2}" ;;
  request_failure) keep_refusal "$2" "$3" "$5" ;;    # STATUS BODY METHOD HEADERS
  invalid_challenge) keep_invalid_challenge "$3" ;;  # ALTNAME RESULT; ALTNAME is the last name, whichever failed
  exit_hook) [ -z "${2-}" ] || keep_reason "$(explain_client "$2")" ;;
esac
