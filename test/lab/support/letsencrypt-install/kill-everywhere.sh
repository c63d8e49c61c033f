#!/bin/bash
# kill-everywhere.sh NAME ONE OTHER EVERY STRIDE
# Installs two certificates in turn (directories as make-certificate.sh makes them; ONE is served), killing the hook at
# its first command, at that STRIDE further on and so on until it comes through; EVERY as end-at-step.sh has it. Whatever a
# kill left: HAProxy takes its configuration and serves the certificate before or the one after; the next install has it
# serve what the volume has. The first time and every tenth one after it HAProxy is started anew first. Prints the number
# of kills, of those that left something changed, and of restarts.
set -euo pipefail

name=$1 from=$2 to=$3 every=$4 stride=$5
veza=/usr/local/lib/veza
counter=/dev/shm/steps
at=1 kills=0 changes=0 restarts=0

fail() { echo "killed at command $at: $1" >&3; exit 1; }

serial_of() { openssl x509 -noout -serial; }
served() { openssl s_client -connect "$(hostname -I | cut -d" " -f1):443" -servername "$name" </dev/null 2>/dev/null | serial_of; }
stored() { serial_of <"$(echo /var/lib/dehydrated/issued/*/"$name.pem")"; }

left_behind() {
  served
  find /usr/local/etc/tls /var/lib/dehydrated/issued -type f -exec sha256sum {} +
}

killed_hook() {
  : >"$counter"
  BASH_ENV=/root/end-at-step.sh STEPS=$counter EVERY=$every KILL_AT=$at setsid --wait "$veza/certificates-hook" deploy_cert \
    "$name" "$to/privkey.pem" "$to/cert.pem" "$to/fullchain.pem" "$to/chain.pem" 0 >/dev/null 2>&1
}

# The shell tells of its killed children on its own standard error.
exec 3>&2 2>/dev/null

verify() {
  local now old new said
  old=$(serial_of <"$from/cert.pem") new=$(serial_of <"$to/cert.pem")
  changes=$((changes + 1))
  said=$(STATE_FILE=/dev/null haproxy -c -dW -f /etc/haproxy/current/haproxy.cfg 2>&1) || fail "haproxy would not start: $said"
  if [ $((changes % 10)) -eq 1 ]; then
    restarts=$((restarts + 1))
    systemctl reset-failed haproxy
    systemctl restart haproxy || fail "haproxy did not start"
  fi
  now=$(served)
  [ "$now" = "$old" ] || [ "$now" = "$new" ] || fail "haproxy serves ${now:-nothing}"
  said=$("$veza/certificates" install 2>&1) || fail "the next install failed: $said"
  [ "$(served)" = "$(stored)" ] || fail "the next install left ${now:-nothing} in service"
  [ -z "$(find /usr/local/etc/tls/haproxy ! -type d ! -name '*.pem')" ] || fail "there is more in HAProxy's directory than certificates"
}

before=$(left_behind)
until killed_hook; do
  after=$(left_behind)
  if [ "$after" != "$before" ]; then
    verify
    before=$(left_behind)
    # From what is served now to the other one.
    if [ "$(served)" = "$(serial_of <"$to/cert.pem")" ]; then
      read -r from to <<<"$to $from"
    fi
  fi
  kills=$((kills + 1))
  at=$((at + stride))
done
[ "$(served)" = "$(serial_of <"$to/cert.pem")" ] || fail "the hook came through, and its certificate is not served"
echo "$kills $changes $restarts"
