# shellcheck shell=bash disable=SC2154
# (STAGE and unit_dir are set by files.sh)
# Follow-up (see files.sh) of what a Pebble container runs. Pebble forgets accounts and certificates when it ends, so
# services are restarted only when something of theirs changed.
# Parameters: SERVICES, words; PROBES, URLs that have to answer once they run (any status will do).
: "${SERVICES?}" "${PROBES?}"

answer_seconds=20

follow_up() {
  local service
  # A file, because a run that is cut off after `place` leaves nothing else to tell that a restart is due.
  if any_changed /; then : >"$unit_dir/restart"; fi
  place
  systemctl daemon-reload
  for service in $SERVICES; do
    # The secret unit comes first: nothing runs yet that could be restarted.
    [ "$(systemctl show -P LoadState "$service")" = loaded ] || continue
    systemctl enable --quiet "$service"
    if [ -e "$unit_dir/restart" ]; then systemctl restart "$service"; else systemctl start "$service"; fi
  done
  answering
  rm -f "$unit_dir/restart"
}

answering() {
  local deadline=$((SECONDS + answer_seconds)) probe service
  for probe in $PROBES; do
    until curl -sk -o /dev/null --max-time 3 "$probe"; do
      if [ "$SECONDS" -ge "$deadline" ]; then
        for service in $SERVICES; do journalctl -u "$service" -o cat --no-pager -n 5 >&2; done
        fail "the lab's CA does not answer at $probe after $answer_seconds s; what its services said last is above. Nothing else was changed. Look at: systemctl status $SERVICES"
      fi
      sleep 0.1
    done
  done
}

on_delete() {
  local service
  for service in $SERVICES; do systemctl disable --now --quiet "$service" 2>/dev/null || :; done
}
