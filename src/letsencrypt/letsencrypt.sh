# shellcheck shell=bash disable=SC2154
# (STAGE and unit_dir are set by files.sh)
# Follow-up (see files.sh) that puts the certificate program and its services to work.
# Parameters: SCHEDULE, the timer's OnCalendar; CHALLENGE, ADDRESS:PORT of the sidecar (empty: there is none);
# METRICS, ADDRESS:PORT of the metrics; LOCK_SECONDS, how long another run of certificates is waited for.
: "${SCHEDULE:?}" "${CHALLENGE?}" "${METRICS:?}" "${LOCK_SECONDS:?}"

systemd=/etc/systemd/system
services=(veza-challenge.service veza-certificate-metrics.service veza-certificates.timer)
answer_seconds=10

follow_up() {
  local service said
  said=$(systemd-analyze calendar "$SCHEDULE" 2>&1) ||
    fail "letsencrypt.renewal.schedule is no calendar event: ${said##*: }. Nothing was changed. See systemd.time(7)"
  for service in "${services[@]}"; do
    if [ ! -f "$STAGE$systemd/$service" ]; then
      systemctl disable --now --quiet "$service" 2>/dev/null || :
    elif staged_changed "$systemd/$service"; then
      # In a file, because a run that is cut off after `place` leaves nothing else to tell that it is due.
      printf '%s\n' "$service" >>"$unit_dir/restart"
    fi
  done
  place_alone
  start_services
  for address in ${CHALLENGE:+"$CHALLENGE"} "$METRICS"; do
    answers "$address" || fail "nothing answers on $address after $answer_seconds s:
$(journalctl -u veza-challenge -u veza-certificate-metrics -o cat --no-pager -n 10)
They are put back to what they were before. See: ss -ltnp"
  done
  /usr/local/lib/veza/certificates install ||
    fail "the certificates could not be given to HAProxy; the reason is above. State now: what it served before, it still serves"
  rm -f "$unit_dir/restart"
}

# Not under a run of the program, which would have the old libraries and a new hook then.
place_alone() {
  install -d -m 0700 /run/veza
  exec 9>/run/veza/certificates.lock
  flock --wait "$LOCK_SECONDS" 9 ||
    fail "another run of certificates has been going on for $LOCK_SECONDS s. Nothing was changed; try again when it has ended (ps in the container shows it)"
  place
  exec 9>&-
}

start_services() {
  local service present=()
  for service in "${services[@]}"; do [ ! -f "$systemd/$service" ] || present+=("$service"); done
  enable_units "${present[@]}"
  reload_units "${services[@]}" veza-certificates.service
  for service in "${present[@]}"; do
    if grep -sqxF "$service" "$unit_dir/restart"; then systemctl restart "$service"; else systemctl start "$service"; fi
  done
}

answers() { # ADDRESS:PORT
  curl -s -o /dev/null --max-time 5 --retry "$answer_seconds" --retry-delay 1 --retry-max-time "$answer_seconds" --retry-connrefused "http://$1/"
}

undo() {
  local service
  for service in "${services[@]}"; do
    # There is no way back to a service that was not there but to end it, before its file goes.
    if grep -sqxF "$systemd/$service" "$unit_dir/added"; then systemctl disable --now --quiet "$service" || :; fi
  done
  restore
  start_services || :
  rm -f "$unit_dir/restart"
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
