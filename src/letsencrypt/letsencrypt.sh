# shellcheck shell=bash disable=SC2154
# (STAGE is set by files.sh)
# Follow-up (see files.sh) that puts the certificate program and its services to work.
# Parameters: SCHEDULE, the timer's OnCalendar; CHALLENGE, ADDRESS:PORT of the sidecar (empty: there is none);
# METRICS, ADDRESS:PORT of the metrics.
: "${SCHEDULE:?}" "${CHALLENGE?}" "${METRICS:?}"

systemd=/etc/systemd/system
services=(veza-challenge.service veza-certificate-metrics.service veza-certificates.timer)
changed=() # those of them that have to be started anew
answer_seconds=10

follow_up() {
  local service said
  said=$(systemd-analyze calendar "$SCHEDULE" 2>&1) ||
    fail "letsencrypt.renewal.schedule is no calendar event: ${said##*: }. Nothing was changed. See systemd.time(7)"
  for service in "${services[@]}"; do
    if [ ! -f "$STAGE$systemd/$service" ]; then
      systemctl disable --now --quiet "$service" 2>/dev/null || :
    elif staged_changed "$systemd/$service"; then
      changed+=("$service")
    fi
  done
  place
  start_services
  for address in ${CHALLENGE:+"$CHALLENGE"} "$METRICS"; do
    answers "$address" || fail "nothing answers on $address after $answer_seconds s:
$(journalctl -u veza-challenge -u veza-certificate-metrics -o cat --no-pager -n 10)
State now: the services are what they were before. See: ss -ltnp"
  done
  /usr/local/lib/veza/certificates install ||
    fail "the certificates could not be given to HAProxy; the reason is above. State now: what it served before, it still serves"
}

start_services() {
  local service
  [ "$(systemctl show -P NeedDaemonReload "${services[@]}" veza-certificates.service | grep -c yes)" -eq 0 ] || systemctl daemon-reload
  for service in "${services[@]}"; do
    [ -f "$systemd/$service" ] || continue
    systemctl is-enabled --quiet "$service" || systemctl enable --quiet "$service"
    if [[ " ${changed[*]} " == *" $service "* ]]; then systemctl restart "$service"; else systemctl start "$service"; fi
  done
}

answers() { # ADDRESS:PORT
  curl -s -o /dev/null --max-time 5 --retry "$answer_seconds" --retry-delay 1 --retry-max-time "$answer_seconds" --retry-connrefused "http://$1/"
}

undo() {
  restore
  start_services || :
}

on_delete() {
  systemctl disable --now --quiet "${services[@]}" 2>/dev/null || :
  remove_installed
}

# Whatever issues certificates next to HAProxy from now on, these are nobody's any more, and would expire there. What
# comes instead is there by now; without a load balancer's configuration nobody serves anything.
remove_installed() {
  local INSTALLED='' CERTIFICATES='' ISSUED_NAMES='' primary pems=() control=/usr/local/lib/veza/haproxy-control
  [ -f /etc/veza/certificates.env ] || return 0
  # shellcheck source=/dev/null
  . /etc/veza/certificates.env
  [ -f "$INSTALLED" ] || return 0
  while IFS= read -r primary; do pems+=("$CERTIFICATES/$primary.pem"); done <"$INSTALLED"
  [ "${#pems[@]}" -eq 0 ] || [ ! -x "$control" ] || "$control" remove-certificates "${pems[@]}" ||
    fail "State now: these certificates are in service, as before, and nothing renews them. They go when others are there: bring those first"
  rm -f "${pems[@]}" "$INSTALLED" "$ISSUED_NAMES"
}
